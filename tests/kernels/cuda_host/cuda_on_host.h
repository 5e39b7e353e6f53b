// What a .cu file of this package uses of CUDA, for g++: included before the unchanged source.
//
// A thread of a block is a fiber of emulator.cpp; a barrier or warp collective yields to the others.
// To be watched a kernel is compiled with -fsanitize=thread but linked without its library: the
// emulator takes the calls that announce every memory access and checks bounds, races and unwritten
// shared memory.
#pragma once

#include <math.h>
#include <stddef.h>
#include <string.h>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __constant__ static const
#define __shared__ static __attribute__((section("shared_memory")))
#define DYNAMIC_SHARED(type, name) type* name = (type*)emulator_dynamic_shared()

struct uint3 {
  unsigned x, y, z;
};
typedef uint3 dim3;

extern "C" {
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
void* emulator_dynamic_shared();
void emulator_barrier(int line);
unsigned long long emulator_collective(int kind, unsigned mask, unsigned long long value,
                                       int operand, int width, int line);
void emulator_load_atomic(void* value, const void* address, size_t bytes);
void emulator_store_atomic(void* address, const void* value, size_t bytes);
}

#ifdef __SANITIZE_THREAD__
extern "C" const int emulator_watched = 1;
#else
extern "C" const int emulator_watched = 0;
#endif

const int warpSize = 32;

#define __syncthreads() emulator_barrier(__LINE__)
#define __syncwarp(...) emulator_collective(0, emulator_mask(__VA_ARGS__), 0, 0, 32, __LINE__)
#define __shfl_sync(...) emulator_shuffle(1, __LINE__, __VA_ARGS__)
#define __shfl_up_sync(...) emulator_shuffle(2, __LINE__, __VA_ARGS__)
#define __shfl_down_sync(...) emulator_shuffle(3, __LINE__, __VA_ARGS__)
#define __shfl_xor_sync(...) emulator_shuffle(4, __LINE__, __VA_ARGS__)
#define __ballot_sync(mask, test) ((unsigned)emulator_collective(5, mask, !!(test), 0, 32, __LINE__))
#define __any_sync(mask, test) (__ballot_sync(mask, test) != 0u)
#define __all_sync(mask, test) (__ballot_sync(mask, test) == (mask))

inline unsigned emulator_mask(unsigned mask = 0xFFFFFFFFu) { return mask; }

template <class T>
T emulator_shuffle(int kind, int line, unsigned mask, T value, int operand, int width = 32) {
  static_assert(sizeof(T) <= 8, "a shuffle moves four or eight bytes");
  unsigned long long bits = 0;
  memcpy(&bits, &value, sizeof(T));
  bits = emulator_collective(kind, mask, bits, operand, width, line);
  memcpy(&value, &bits, sizeof(T));
  return value;
}

// Atomics: fibers do not interrupt each other, so plain operations are atomic.
template <class T, class F>
T emulator_update(T* address, F change) {
  T before, after;
  emulator_load_atomic(&before, address, sizeof(T));
  after = change(before);
  emulator_store_atomic(address, &after, sizeof(T));
  return before;
}

#define EMULATOR_ATOMIC(name, T, expression) \
  inline T name(T* address, T value) {       \
    return emulator_update(address, [=](T old) -> T { return expression; }); \
  }
EMULATOR_ATOMIC(atomicAdd, float, old + value)
EMULATOR_ATOMIC(atomicAdd, double, old + value)
EMULATOR_ATOMIC(atomicAdd, int, (int)((unsigned)old + (unsigned)value))
EMULATOR_ATOMIC(atomicAdd, unsigned, old + value)
EMULATOR_ATOMIC(atomicAdd, unsigned long long, old + value)
EMULATOR_ATOMIC(atomicMax, int, old > value ? old : value)
EMULATOR_ATOMIC(atomicMax, unsigned, old > value ? old : value)
EMULATOR_ATOMIC(atomicMax, long long, old > value ? old : value)
EMULATOR_ATOMIC(atomicMax, unsigned long long, old > value ? old : value)
EMULATOR_ATOMIC(atomicMin, int, old < value ? old : value)
EMULATOR_ATOMIC(atomicMin, unsigned, old < value ? old : value)
EMULATOR_ATOMIC(atomicMin, long long, old < value ? old : value)
EMULATOR_ATOMIC(atomicMin, unsigned long long, old < value ? old : value)
EMULATOR_ATOMIC(atomicOr, unsigned, old | value)
EMULATOR_ATOMIC(atomicOr, unsigned long long, old | value)
EMULATOR_ATOMIC(atomicAnd, unsigned, old & value)
EMULATOR_ATOMIC(atomicExch, unsigned, value)
EMULATOR_ATOMIC(atomicExch, unsigned long long, value)
inline unsigned atomicCAS(unsigned* address, unsigned compare, unsigned value) {
  return emulator_update(address, [=](unsigned old) { return old == compare ? value : old; });
}
inline unsigned long long atomicCAS(unsigned long long* address, unsigned long long compare,
                                    unsigned long long value) {
  return emulator_update(
      address, [=](unsigned long long old) { return old == compare ? value : old; });
}

// Arithmetic that CUDA has in its global namespace.
#define EMULATOR_EXTREMES(T)                          \
  inline T min(T a, T b) { return b < a ? b : a; }    \
  inline T max(T a, T b) { return a < b ? b : a; }
EMULATOR_EXTREMES(int)
EMULATOR_EXTREMES(unsigned)
EMULATOR_EXTREMES(long long)
EMULATOR_EXTREMES(unsigned long long)
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }

inline unsigned __umulhi(unsigned a, unsigned b) {
  return (unsigned)(((unsigned long long)a * b) >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)(((unsigned __int128)a * b) >> 64);
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(unsigned x) { return x ? __builtin_clz(x) : 32; }
inline int __clzll(unsigned long long x) { return x ? __builtin_clzll(x) : 64; }
inline int __ffs(unsigned x) { return __builtin_ffs((int)x); }
inline int __ffsll(unsigned long long x) { return __builtin_ffsll((long long)x); }

template <class To, class From>
To emulator_bits(From value) {
  static_assert(sizeof(To) == sizeof(From), "the same number of bytes");
  To result;
  memcpy(&result, &value, sizeof(To));
  return result;
}
inline long long __double_as_longlong(double x) { return emulator_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return emulator_bits<double>(x); }
inline int __float_as_int(float x) { return emulator_bits<int>(x); }
inline float __int_as_float(int x) { return emulator_bits<float>(x); }
template <class T>
T __ldg(const T* address) {
  return *address;
}
#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define isfinite(x) __builtin_isfinite(x)

// How Python calls a kernel: an array of pointers to its arguments, whose types it can read.
template <class T>
struct TypeName;
#define EMULATOR_NAME(T, text)                        \
  template <>                                         \
  struct TypeName<T> {                                \
    static const char* get() { return text; }         \
  };                                                  \
  template <>                                         \
  struct TypeName<T*> {                               \
    static const char* get() { return "*" text; }     \
  };                                                  \
  template <>                                         \
  struct TypeName<const T*> {                         \
    static const char* get() { return "&" text; }     \
  };
EMULATOR_NAME(double, "f8")
EMULATOR_NAME(float, "f4")
EMULATOR_NAME(int, "i4")
EMULATOR_NAME(unsigned, "u4")
EMULATOR_NAME(long long, "i8")
EMULATOR_NAME(unsigned long long, "u8")
EMULATOR_NAME(unsigned char, "u1")
EMULATOR_NAME(bool, "b1")

template <size_t... I>
struct Places {};
template <size_t N, size_t... I>
struct Count : Count<N - 1, N - 1, I...> {};
template <size_t... I>
struct Count<0, I...> {
  typedef Places<I...> type;
};
template <class... A, size_t... I>
void emulator_call(void (*kernel)(A...), void** arguments, Places<I...>) {
  kernel(*(A*)arguments[I]...);
}
template <class... A>
void emulator_call(void (*kernel)(A...), void** arguments) {
  emulator_call(kernel, arguments, typename Count<sizeof...(A)>::type());
}
template <class... A>
const char* emulator_types(void (*)(A...)) {
  static char text[1024];
  text[0] = 0;
  const char* names[] = {TypeName<A>::get()...};
  for (const char* name : names) {
    strcat(text, name);
    strcat(text, " ");
  }
  return text;
}
#define ENTRY(name)                                                              \
  extern "C" void call_##name(void** arguments) { emulator_call(name, arguments); } \
  extern "C" const char* types_##name() { return emulator_types(name); }
