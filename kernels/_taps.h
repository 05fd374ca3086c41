/* Symmetric taps over a row of samples, four neighbours at a time.

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
