// Runs a CUDA kernel on one CPU thread and checks what it does: the other side of cuda_on_host.h.
//
// Blocks run one after another, the threads of a block as fibers, each until it reaches a barrier or
// warp collective. What is reported, with block, thread and source line:
//   - a barrier or collective that not all threads reach, or that they reach at different lines;
//   - an access outside of every array and of shared memory;
//   - shared memory read before the block wrote it;
//   - two threads at the same address, one of them writing, with no barrier between (in shared memory
//     and, across blocks too, in the arrays), unless both accesses are atomic.
// Fibers are made once and run one thread after another. They are left by longjmp, not swapcontext,
// which would ask the operating system for the signal mask each time.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

typedef unsigned long long u64;

struct uint3 {
  unsigned x, y, z;
};

extern "C" {
uint3 threadIdx, blockIdx, blockDim, gridDim;
extern char __start_shared_memory[] __attribute__((weak, visibility("hidden")));
extern char __stop_shared_memory[] __attribute__((weak, visibility("hidden")));
extern char __ehdr_start[] __attribute__((visibility("hidden")));
extern char _end[] __attribute__((visibility("hidden")));
}

namespace {

const int MOST_THREADS = 1024;
const size_t STACK = 1 << 17;
const size_t MOST_DYNAMIC = 227 * 1024;

enum State { READY, AT_BARRIER, AT_COLLECTIVE, DONE };
enum Kind { SYNC, SHUFFLE, UP, DOWN, XOR, BALLOT };

struct Fiber {
  ucontext_t context;
  jmp_buf left;  // where it waits, once it has begun
  bool begun;
  State state;
  int line;
  int kind;
  unsigned mask;
  u64 value;
  int operand;
  int width;
};

struct Stamp {  // who touched a word, and when; block numbers and threads from one on
  unsigned block, thread, barriers, collectives;
};

struct Word {
  Stamp write, read, read_same_warp, read_other_warp;
  bool atomic, written;
};

struct Region {
  char* start;
  size_t bytes;
  size_t word;  // accesses are told apart down to words of this many bytes
  Word* words;
};

Fiber fibers[MOST_THREADS];
char* stacks;
jmp_buf scheduler;
int threads, running = -1;
unsigned block_number;
unsigned barriers, collectives[MOST_THREADS / 32];
char __attribute__((aligned(128))) dynamic_shared[MOST_DYNAMIC];
Region regions[64];  // arrays, then static and dynamic shared memory
int arrays, all_regions;
void* argument_places[64];
char argument_bytes[64][16];
void (*entry)(void**);
char* message;
size_t message_size;
bool failed, checking;

void fail(const char* format, ...) {
  if (!failed) {
    failed = true;
    int used = 0;
    if (running >= 0)
      used = snprintf(message, message_size, "block (%u, %u, %u), thread %d: ", blockIdx.x,
                      blockIdx.y, blockIdx.z, running);
    va_list rest;
    va_start(rest, format);
    vsnprintf(message + used, message_size - used, format, rest);
    va_end(rest);
  }
  if (running >= 0) {
    running = -1;
    _longjmp(scheduler, 1);  // and the fiber is made anew
  }
}

Stamp now() {
  return Stamp{block_number, (unsigned)running + 1, barriers, collectives[running / 32]};
}

bool ordered(const Stamp& before) {
  if (before.thread == 0) return true;
  if (before.block != block_number) return false;
  unsigned thread = before.thread - 1;
  if (thread == (unsigned)running || before.barriers != barriers) return true;
  return thread / 32 == (unsigned)running / 32 && before.collectives != collectives[running / 32];
}

void note_read(Word& word) {
  Stamp mine = now();
  if (word.read.thread != 0 && word.read.thread != mine.thread) {
    bool same = word.read.block == mine.block && (word.read.thread - 1) / 32 == (unsigned)running / 32;
    (same ? word.read_same_warp : word.read_other_warp) = word.read;
  }
  word.read = mine;
}

void conflict(const char* what, const Stamp& other, const char* other_what, const Region& region,
              char* address) {
  fail("%s of %s %d, byte %zu, with no barrier after the %s by thread %u of block %u", what,
       &region < regions + arrays ? "array" : "shared memory", (int)(&region - regions),
       (size_t)(address - region.start), other_what, other.thread - 1, other.block - 1);
}

void touch(char* address, size_t bytes, bool write, bool atomic) {
  if (running < 0 || !checking) return;
  char* stack = stacks + running * STACK;
  if ((size_t)(address - stack) < STACK) return;
  Region* region = nullptr;
  for (int r = 0; r < all_regions && !region; ++r)
    if ((size_t)(address - regions[r].start) < regions[r].bytes) region = &regions[r];
  if (!region) {
    if (address >= __ehdr_start && address < _end) return;  // constants, threadIdx and the like
    int nearest = -1;
    u64 distance = ~0ull;
    for (int r = 0; r < arrays; ++r) {
      u64 gap = address < regions[r].start ? regions[r].start - address
                                           : address - regions[r].start - regions[r].bytes;
      if (gap < distance) distance = gap, nearest = r;
    }
    fail("%s of %zu bytes outside of all memory: array %d begins %lld bytes before, and has %zu",
         write ? "write" : "read", bytes, nearest,
         nearest < 0 ? 0ll : (long long)(address - regions[nearest].start),
         nearest < 0 ? (size_t)0 : regions[nearest].bytes);
    return;
  }
  if (address + bytes > region->start + region->bytes)
    fail("access of %zu bytes across the end of array %d", bytes, (int)(region - regions));
  if ((size_t)address % bytes) fail("access of %zu bytes that is not aligned", bytes);
  size_t first = (address - region->start) / region->word;
  size_t last = (address + bytes - 1 - region->start) / region->word;
  for (size_t w = first; w <= last; ++w) {
    Word& word = region->words[w];
    if (!write && region >= regions + arrays && !word.written) {
      fail("shared memory, byte %zu, is read before it is written",
           (size_t)(address - region->start));
    }
    if (!ordered(word.write) && !(atomic && word.atomic))
      conflict(write ? "write" : "read", word.write, "write", *region, address);
    if (write) {
      const Stamp* reads[] = {&word.read, &word.read_same_warp, &word.read_other_warp};
      for (const Stamp* read : reads)
        if (!ordered(*read)) conflict("write", *read, "read", *region, address);
      word.write = now();
      word.atomic = atomic;
      word.written = true;
    } else {
      note_read(word);
    }
  }
}

void wait() {
  Fiber& fiber = fibers[running];
  running = -1;
  if (!_setjmp(fiber.left)) _longjmp(scheduler, 1);
}

void body() {
  for (;;) {
    entry(argument_places);
    fibers[running].state = DONE;
    wait();
  }
}

void begin(int t) {
  Fiber& fiber = fibers[t];
  fiber.begun = true;
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = stacks + t * STACK;
  fiber.context.uc_stack.ss_size = STACK;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, body, 0);
  setcontext(&fiber.context);
}

void resume(int t) {
  running = t;
  threadIdx.x = t % blockDim.x;
  threadIdx.y = t / blockDim.x % blockDim.y;
  threadIdx.z = t / blockDim.x / blockDim.y;
  if (_setjmp(scheduler)) return;
  if (fibers[t].begun) _longjmp(fibers[t].left, 1);
  begin(t);
}

// What lane `lane` of a shuffle reads, or the lane itself where it keeps its own value.
int source(const Fiber& fiber, int lane) {
  int base = lane / fiber.width * fiber.width, inside = lane - base, from = lane;
  if (fiber.kind == SHUFFLE) from = base + (fiber.operand & (fiber.width - 1));
  if (fiber.kind == UP) from = inside >= fiber.operand ? lane - fiber.operand : lane;
  if (fiber.kind == DOWN) from = inside + fiber.operand < fiber.width ? lane + fiber.operand : lane;
  if (fiber.kind == XOR) from = lane ^ fiber.operand;
  if (fiber.kind == XOR && from / fiber.width > lane / fiber.width) from = lane;
  return from;
}

bool release_warp(int warp) {
  bool released = false;
  int first = 32 * warp;
  for (int lane = 0; lane < 32 && first + lane < threads; ++lane) {
    Fiber& one = fibers[first + lane];
    if (one.state != AT_COLLECTIVE) continue;
    if (!(one.mask >> lane & 1)) {
      fail("line %d: lane %d is not in its own mask %08x", one.line, lane, one.mask);
      return true;
    }
    bool all = true;
    for (int l = 0; l < 32; ++l) {
      if (!(one.mask >> l & 1)) continue;
      if (first + l >= threads) {
        fail("line %d: mask %08x names lanes that the block does not have", one.line, one.mask);
        return true;
      }
      Fiber& other = fibers[first + l];
      if (other.state != AT_COLLECTIVE) {
        all = false;
      } else if (other.line != one.line || other.kind != one.kind || other.mask != one.mask) {
        fail("lanes %d and %d of a warp wait at different collectives, lines %d and %d", lane, l,
             one.line, other.line);
        return true;
      }
    }
    if (!all) continue;
    u64 results[32];
    u64 votes = 0;
    for (int l = 0; l < 32; ++l)
      if ((one.mask >> l & 1) && fibers[first + l].value) votes |= 1ull << l;
    for (int l = 0; l < 32; ++l) {
      if (!(one.mask >> l & 1)) continue;
      Fiber& fiber = fibers[first + l];
      results[l] = votes;
      if (fiber.kind == SYNC || fiber.kind == BALLOT) continue;
      int from = source(fiber, l);
      if (!(one.mask >> from & 1)) {
        fail("line %d: lane %d reads lane %d, which is not in the mask %08x", fiber.line, l, from,
             one.mask);
        return true;
      }
      results[l] = fibers[first + from].value;
    }
    unsigned mask = one.mask;
    for (int l = 0; l < 32; ++l) {
      if (!(mask >> l & 1)) continue;
      fibers[first + l].value = results[l];
      fibers[first + l].state = READY;
    }
    // A collective of part of a warp orders only that part; counting it for all may hide a race.
    if (mask == 0xFFFFFFFFu) ++collectives[warp];
    released = true;
  }
  return released;
}

void stuck() {
  int count[4] = {0, 0, 0, 0}, example = -1;
  for (int t = 0; t < threads; ++t) {
    ++count[fibers[t].state];
    if (fibers[t].state == AT_BARRIER || fibers[t].state == AT_COLLECTIVE) example = t;
  }
  fail("block (%u, %u, %u): thread %d waits at line %d for ever: %d threads are at a barrier, %d at a "
       "warp collective, %d have left",
       blockIdx.x, blockIdx.y, blockIdx.z, example, fibers[example].line, count[AT_BARRIER],
       count[AT_COLLECTIVE], count[DONE]);
}

unsigned random_state;
unsigned next_random() { return random_state = random_state * 1664525u + 1013904223u; }

void permute(int* order, int n, int kind) {
  for (int t = 0; t < n; ++t) order[t] = kind == 1 ? n - 1 - t : t;
  if (kind > 1)
    for (int t = n - 1; t > 0; --t) {
      int other = (int)((u64)next_random() * (t + 1) >> 32), kept = order[t];
      order[t] = order[other];
      order[other] = kept;
    }
}

void run_block(int order_kind) {
  static int order[MOST_THREADS];
  for (int r = arrays; r < all_regions; ++r) {
    memset(regions[r].start, 0xFF, regions[r].bytes);
    if (checking)
      memset((void*)regions[r].words, 0, (regions[r].bytes / regions[r].word + 1) * sizeof(Word));
  }
  barriers = 0;
  memset(collectives, 0, sizeof collectives);
  for (int t = 0; t < threads; ++t) fibers[t].state = READY;
  int live = threads;
  while (live) {
    bool progress = false;
    permute(order, threads, order_kind);
    for (int place = 0; place < threads; ++place) {
      int t = order[place];
      if (fibers[t].state != READY) continue;
      progress = true;
      resume(t);
      if (failed) return;
    }
    int waiting = 0;
    live = 0;
    for (int t = 0; t < threads; ++t) {
      live += fibers[t].state != DONE;
      waiting += fibers[t].state == AT_BARRIER;
    }
    for (int warp = 0; 32 * warp < threads; ++warp) {
      progress |= release_warp(warp);
      if (failed) return;
    }
    if (waiting == threads) {
      for (int t = 0; t < threads; ++t) {
        if (fibers[t].line != fibers[0].line) {
          fail("block (%u, %u, %u): threads 0 and %d are at different barriers, lines %d and %d",
               blockIdx.x, blockIdx.y, blockIdx.z, t, fibers[0].line, fibers[t].line);
          return;
        }
        fibers[t].state = READY;
      }
      ++barriers;
      progress = true;
    }
    if (live && !progress) {
      stuck();
      return;
    }
  }
}

void add_region(char* start, size_t bytes, size_t word) {
  Region& region = regions[all_regions++];
  region.start = start;
  region.bytes = bytes;
  region.word = word;
  region.words = checking ? (Word*)calloc(bytes / word + 1, sizeof(Word)) : nullptr;
}

}  // namespace

extern "C" {

void* emulator_dynamic_shared() { return dynamic_shared; }

void emulator_barrier(int line) {
  fibers[running].line = line;
  fibers[running].state = AT_BARRIER;
  wait();
}

u64 emulator_collective(int kind, unsigned mask, u64 value, int operand, int width, int line) {
  int mine = running;
  Fiber& fiber = fibers[mine];
  fiber.kind = kind;
  fiber.mask = mask;
  fiber.value = value;
  fiber.operand = operand;
  fiber.width = width;
  fiber.line = line;
  fiber.state = AT_COLLECTIVE;
  wait();
  return fibers[mine].value;
}

void emulator_load_atomic(void* value, const void* address, size_t bytes) {
  touch((char*)address, bytes, true, true);
  memcpy(value, address, bytes);
}

void emulator_store_atomic(void* address, const void* value, size_t bytes) {
  memcpy(address, value, bytes);
}

size_t emulator_static_shared() { return __stop_shared_memory - __start_shared_memory; }

// Arguments are copied from `sizes[a]` bytes at `values[a]`. Returns 0, or 1 with a message.
int emulator_launch(void (*kernel)(void**), int count, void** values, const size_t* sizes,
                    const unsigned* grid, const unsigned* block, size_t shared_bytes,
                    int buffers, void** starts, const size_t* lengths, const size_t* words,
                    int order, int check, char* text, size_t text_size) {
  message = text;
  message_size = text_size;
  failed = false;
  checking = check;
  running = -1;
  entry = kernel;
  random_state = (unsigned)order;
  if (!stacks)
    stacks = (char*)mmap(nullptr, MOST_THREADS * STACK, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  for (int a = 0; a < count; ++a) {
    memcpy(argument_bytes[a], values[a], sizes[a]);
    argument_places[a] = argument_bytes[a];
  }
  all_regions = 0;
  for (int b = 0; b < buffers; ++b) add_region((char*)starts[b], lengths[b], words[b]);
  arrays = all_regions;
  if (emulator_static_shared()) add_region(__start_shared_memory, emulator_static_shared(), 4);
  if (shared_bytes) add_region(dynamic_shared, shared_bytes, 4);
  blockDim = uint3{block[0], block[1], block[2]};
  gridDim = uint3{grid[0], grid[1], grid[2]};
  threads = (int)(block[0] * block[1] * block[2]);
  u64 blocks = (u64)grid[0] * grid[1] * grid[2];
  for (u64 done = 0; done < blocks && !failed; ++done) {
    u64 b = order == 1 ? blocks - 1 - done : done;
    blockIdx = uint3{(unsigned)(b % grid[0]), (unsigned)(b / grid[0] % grid[1]),
                     (unsigned)(b / grid[0] / grid[1])};
    block_number = (unsigned)b + 1;
    run_block(order);
  }
  for (int r = 0; r < all_regions; ++r) free(regions[r].words);
  if (failed)
    for (Fiber& fiber : fibers) fiber.begun = false;  // the others wait within the kernel
  return failed;
}

// What g++ -fsanitize=thread calls.
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
#define ACCESS(bytes)                                                                    \
  void __tsan_read##bytes(void* a) { touch((char*)a, bytes, false, false); }             \
  void __tsan_write##bytes(void* a) { touch((char*)a, bytes, true, false); }             \
  void __tsan_volatile_read##bytes(void* a) { touch((char*)a, bytes, false, false); }    \
  void __tsan_volatile_write##bytes(void* a) { touch((char*)a, bytes, true, false); }    \
  void __tsan_unaligned_read##bytes(void* a) { touch((char*)a, bytes, false, false); }   \
  void __tsan_unaligned_write##bytes(void* a) { touch((char*)a, bytes, true, false); }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
void __tsan_read_range(void* a, u64 bytes) {
  for (u64 b = 0; b < bytes; ++b) touch((char*)a + b, 1, false, false);
}
void __tsan_write_range(void* a, u64 bytes) {
  for (u64 b = 0; b < bytes; ++b) touch((char*)a + b, 1, true, false);
}
}
