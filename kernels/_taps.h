/* Rows of samples, four neighbours at a time: symmetric taps, and whether there is anything to decide.

   Compilers do not find this by themselves: they may not change the order of a sum, and do not see that four sums with
   one order each lie side by side. The vectors are those of GCC and Clang, two doubles wide, which every x86-64 and
   aarch64 has; other machines get the same arithmetic in pieces. No order is changed, so the bits are those of one
   sample at a time. */

#include <string.h>

typedef double plumbline_pair __attribute__((vector_size(16)));

static inline plumbline_pair plumbline_two(const double *p) {
    plumbline_pair pair;
    memcpy(&pair, p, sizeof pair);
    return pair;
}

static inline void plumbline_put(double *p, plumbline_pair pair) { memcpy(p, &pair, sizeof pair); }

/* Even taps: out[i] = taps[0] p[i] + sum of taps[j] (p[i + j] + p[i - j]), j = 1 .. half. */
static inline void plumbline_evens(const double *p, Py_ssize_t n, const double *taps, Py_ssize_t half, double *out) {
    Py_ssize_t i = 0, j;
    for (; i + 4 <= n; i += 4) {
        plumbline_pair a = taps[0] * plumbline_two(p + i), b = taps[0] * plumbline_two(p + i + 2);
        for (j = 1; j <= half; j++) {
            const double *right = p + i + j, *left = p + i - j;
            a += taps[j] * (plumbline_two(right) + plumbline_two(left));
            b += taps[j] * (plumbline_two(right + 2) + plumbline_two(left + 2));
        }
        plumbline_put(out + i, a);
        plumbline_put(out + i + 2, b);
    }
    for (; i < n; i++) {
        double a = taps[0] * p[i];
        for (j = 1; j <= half; j++) a += taps[j] * (p[i + j] + p[i - j]);
        out[i] = a;
    }
}

/* Even taps and odd ones over the same samples. */
static inline void plumbline_moments(const double *p, Py_ssize_t n, const double *evens, const double *odds,
                                     Py_ssize_t half, double *place, double *rate) {
    Py_ssize_t i = 0, j;
    for (; i + 4 <= n; i += 4) {
        plumbline_pair a = evens[0] * plumbline_two(p + i), b = evens[0] * plumbline_two(p + i + 2);
        plumbline_pair c = {0.0, 0.0}, d = {0.0, 0.0};
        for (j = 1; j <= half; j++) {
            const double *right = p + i + j, *left = p + i - j;
            plumbline_pair r = plumbline_two(right), l = plumbline_two(left);
            a += evens[j] * (r + l);
            c += odds[j] * (r - l);
            r = plumbline_two(right + 2);
            l = plumbline_two(left + 2);
            b += evens[j] * (r + l);
            d += odds[j] * (r - l);
        }
        plumbline_put(place + i, a);
        plumbline_put(place + i + 2, b);
        plumbline_put(rate + i, c);
        plumbline_put(rate + i + 2, d);
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
