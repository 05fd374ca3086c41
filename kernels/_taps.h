/* Rows of samples, four neighbours at a time: symmetric taps, and whether there is anything to decide.

   Compilers do not find this by themselves: they may not change the order of a sum, and do not see that four sums with
   one order each lie side by side. The vectors are those of GCC and Clang, two doubles wide, which every x86-64 and
   aarch64 has; other machines get the same arithmetic in pieces. No order is changed, so the bits are those of one
   sample at a time. */

#include <string.h>

typedef double plumbline_pair __attribute__((vector_size(16)));
typedef double plumbline_four __attribute__((vector_size(32)));

/* Four doubles are one register where there is AVX2, which half as many steps pay for; the loader chooses. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GLIBC__) && !defined(__clang__)
#define PLUMBLINE_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define PLUMBLINE_WIDE
#endif

/* Even taps: out[i] = taps[0] p[i] + sum of taps[j] (p[i + j] + p[i - j]), j = 1 .. half. */
PLUMBLINE_WIDE static void plumbline_evens(const double *p, Py_ssize_t n, const double *taps, Py_ssize_t half,
                                           double *out) {
    Py_ssize_t i = 0, j;
    for (; i + 4 <= n; i += 4) {
        plumbline_four a, right, left;
        memcpy(&a, p + i, sizeof a);
        a *= taps[0];
        for (j = 1; j <= half; j++) {
            memcpy(&right, p + i + j, sizeof right);
            memcpy(&left, p + i - j, sizeof left);
            a += taps[j] * (right + left);
        }
        memcpy(out + i, &a, sizeof a);
    }
    for (; i < n; i++) {
        double a = taps[0] * p[i];
        for (j = 1; j <= half; j++) a += taps[j] * (p[i + j] + p[i - j]);
        out[i] = a;
    }
}

/* Even taps and odd ones over the same samples. */
PLUMBLINE_WIDE static void plumbline_moments(const double *p, Py_ssize_t n, const double *evens, const double *odds,
                                             Py_ssize_t half, double *place, double *rate) {
    Py_ssize_t i = 0, j;
    for (; i + 4 <= n; i += 4) {
        plumbline_four a, right, left, c = {0.0, 0.0, 0.0, 0.0};
        memcpy(&a, p + i, sizeof a);
        a *= evens[0];
        for (j = 1; j <= half; j++) {
            memcpy(&right, p + i + j, sizeof right);
            memcpy(&left, p + i - j, sizeof left);
            a += evens[j] * (right + left);
            c += odds[j] * (right - left);
        }
        memcpy(place + i, &a, sizeof a);
        memcpy(rate + i, &c, sizeof c);
    }
    for (; i < n; i++) {
        double a = evens[0] * p[i], c = 0.0;
        for (j = 1; j <= half; j++) {
            a += evens[j] * (p[i + j] + p[i - j]);
            c += odds[j] * (p[i + j] - p[i - j]);
        }
        place[i] = a;
        rate[i] = c;
    }
}

static inline plumbline_pair plumbline_two(const double *p) {
    plumbline_pair pair;
    memcpy(&pair, p, sizeof pair);
    return pair;
}

typedef long long plumbline_mask __attribute__((vector_size(16)));

static inline plumbline_pair plumbline_size(plumbline_pair x) {
    const plumbline_mask all_but_sign = {0x7fffffffffffffffLL, 0x7fffffffffffffffLL};
    return (plumbline_pair)((plumbline_mask)x & all_but_sign);
}

/* Which of two samples are plain: later by up to `longest`, elsewhere by up to `tolerance`, and either by a quantum at
   least or not at all, which must be no surprise after the step before. False for NaN. */
static inline plumbline_mask plumbline_plain_two(const double *t, const double *y, double longest, double tolerance,
                                                 double quantum, double surprise) {
    plumbline_pair last = plumbline_two(t - 1), there = plumbline_two(y - 1);
    plumbline_pair dt = plumbline_two(t) - last, before = last - plumbline_two(t - 2);
    plumbline_pair jump = plumbline_size(plumbline_two(y) - there);
    plumbline_pair jumped = plumbline_size(there - plumbline_two(y - 2));
    plumbline_pair none = {0.0, 0.0};
    return (dt > none) & (dt <= longest + none) & (jump <= tolerance + none)
         & ((jump >= quantum + none) | ((jump == none) & (jumped * dt <= surprise * before)));
}

/* How many of n samples from the first on are plain; two more lie before it. */
static inline Py_ssize_t plumbline_plain(const double *t, const double *y, Py_ssize_t n, double longest,
                                         double tolerance, double quantum, double surprise) {
    Py_ssize_t i = 0;
    for (; i + 4 <= n; i += 4) {
        plumbline_mask all = plumbline_plain_two(t + i, y + i, longest, tolerance, quantum, surprise)
                           & plumbline_plain_two(t + i + 2, y + i + 2, longest, tolerance, quantum, surprise);
        if (!(all[0] & all[1])) break;
    }
    for (; i < n; i++) {
        double dt = t[i] - t[i - 1], jump = y[i] - y[i - 1], jumped = y[i - 1] - y[i - 2];
        if (jump < 0.0) jump = -jump;
        if (jumped < 0.0) jumped = -jumped;
        if (!(dt > 0.0 && dt <= longest && jump <= tolerance)) break;
        if (!(jump >= quantum || (jump == 0.0 && jumped * dt <= surprise * (t[i - 1] - t[i - 2])))) break;
    }
    return i;
}
