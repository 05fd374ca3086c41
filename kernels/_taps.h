/* Rows of samples, four neighbours at a time: symmetric taps, and whether there is anything to decide.

   Compilers do not find this by themselves: they may not change the order of a sum, and do not see that four sums with
   one order each lie side by side. The vectors are those of GCC and Clang; a machine whose registers hold fewer than
   four doubles gets the same arithmetic in pieces. No order is changed, so the bits are those of one sample at a
   time. */

#include <stdint.h>
#include <string.h>

typedef double plumbline_four __attribute__((vector_size(32)));
typedef int64_t plumbline_mask __attribute__((vector_size(32)));

/* Four doubles are one register where there is AVX2, which half as many steps pay for; the loader chooses. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GLIBC__) && !defined(__clang__)
#define PLUMBLINE_WIDE __attribute__((unused, target_clones("avx2", "default")))
#else
#define PLUMBLINE_WIDE __attribute__((unused))
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

/* The least and the largest of n samples, NaN passed over: infinity and -infinity where there is nothing else. */
PLUMBLINE_WIDE static void plumbline_extremes(const double *p, Py_ssize_t n, double *low, double *high) {
    const double inf = __builtin_inf();
    plumbline_four least = {inf, inf, inf, inf}, most = -least;
    Py_ssize_t i = 0;
    int j;
    for (; i + 4 <= n; i += 4) {
        plumbline_four x;
        plumbline_mask less, more;
        memcpy(&x, p + i, sizeof x);
        less = x < least;
        more = x > most;
        least = (plumbline_four)((less & (plumbline_mask)x) | (~less & (plumbline_mask)least));
        most = (plumbline_four)((more & (plumbline_mask)x) | (~more & (plumbline_mask)most));
    }
    *low = inf;
    *high = -inf;
    for (j = 0; j < 4; j++) {
        if (least[j] < *low) *low = least[j];
        if (most[j] > *high) *high = most[j];
    }
    for (; i < n; i++) {
        if (p[i] < *low) *low = p[i];
        if (p[i] > *high) *high = p[i];
    }
}

/* Whether all of n samples are numbers. */
PLUMBLINE_WIDE static int plumbline_known(const double *p, Py_ssize_t n) {
    plumbline_mask known = {-1, -1, -1, -1};
    Py_ssize_t i = 0;
    int all = 1;
    for (; i + 4 <= n; i += 4) {
        plumbline_four x;
        memcpy(&x, p + i, sizeof x);
        known &= x == x;
    }
    for (; i < n; i++) all &= p[i] == p[i];
    return all && (known[0] & known[1] & known[2] & known[3]);
}

/* How many of n samples from the first on are plain: later by up to `longest`, elsewhere by up to `tolerance`, and either
   by a quantum at least or not at all, which must be no surprise after the step before. No NaN is. Two more samples lie
   before the first. */
PLUMBLINE_WIDE static Py_ssize_t plumbline_plain(const double *t, const double *y, Py_ssize_t n, double longest,
                                                 double tolerance, double quantum, double surprise) {
    const plumbline_mask unsigned_ = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    const plumbline_four none = {0.0, 0.0, 0.0, 0.0};
    Py_ssize_t i = 0;
    for (; i + 4 <= n; i += 4) {
        plumbline_four now, last, before, here, there, over, dt, jump, jumped;
        plumbline_mask plain;
        memcpy(&now, t + i, sizeof now);
        memcpy(&last, t + i - 1, sizeof last);
        memcpy(&before, t + i - 2, sizeof before);
        memcpy(&here, y + i, sizeof here);
        memcpy(&there, y + i - 1, sizeof there);
        memcpy(&over, y + i - 2, sizeof over);
        dt = now - last;
        jump = (plumbline_four)((plumbline_mask)(here - there) & unsigned_);
        jumped = (plumbline_four)((plumbline_mask)(there - over) & unsigned_);
        plain = (dt > none) & (dt <= longest + none) & (jump <= tolerance + none)
              & ((jump >= quantum + none) | ((jump == none) & (jumped * dt <= surprise * (last - before))));
        if (!(plain[0] & plain[1] & plain[2] & plain[3])) break;
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
