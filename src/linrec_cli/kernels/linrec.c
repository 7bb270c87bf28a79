/* The entry: which processor's form, which thread has which share of the work. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "call.h"

/* A digest of the source, given by who compiles it. */
#ifndef SOURCE
#define SOURCE ""
#endif

typedef struct {
    form *run;
    int64_t wide;
} kind;

static kind chosen(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma"))
        return (kind){linrec_avx512, AVX512_WIDE};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return (kind){linrec_avx2, AVX2_WIDE};
#endif
    return (kind){linrec_plain, PLAIN_WIDE};
}

typedef struct {
    call *given;
    int64_t groups, share;
    form *run;
    atomic_llong next;
    atomic_int failed;
} queue;

/* Powers of a head's decay, and what counts where segments start. */
static void begin(const call *c, head *own, int64_t h) {
    double l = c->log_decay ? c->log_decay[h] : 0;
    own->decay = exp(l);
    own->steps = -l * CHUNK <= MOST ? CHUNK : l > -MOST ? 1 + (int64_t)(-MOST / l) : 1;
    for (int64_t i = 0; i < CHUNK; i++) {
        own->grown[i] = i < own->steps ? (float)exp(-l * (double)i) : 1;
        own->left[i] = (float)exp(l * (double)i);
    }
    own->left[CHUNK] = (float)exp(l * CHUNK);
}

static void count(const call *c, int64_t h) {
    double g = exp(c->log_decay ? c->log_decay[h] : 0), sum = 0, slope = 0;
    for (int64_t t = 0; t < c->length; t++) {
        if (t % c->segment == 0) {
            c->counts[2 * (h * c->segments + t / c->segment)] = sum;
            c->counts[2 * (h * c->segments + t / c->segment) + 1] = slope;
        }
        slope = g * (slope + sum);
        sum = g * sum + 1;
    }
}

/* What is padding is zero. */
static void clear(const call *c, tensor x, int64_t b, int64_t h) {
    for (int64_t t = real(c, b); x.data && t < c->length; t++)
        memset(at(x, b, h, t), 0, (size_t)c->size * sizeof(float));
}

static void take(queue *all, int64_t unit, float *memory, head *heads) {
    const call *c = all->given;
    int64_t b = unit / all->groups, first = unit % all->groups * all->share, part = CHUNK * c->cols;
    int64_t last = least(first + all->share, c->heads), square = c->rows * c->cols;
    room w;
    float **parts[] = {&w.e, &w.k, &w.v, &w.g, &w.a, &w.r, &w.o, &w.x};
    for (int i = 0; i < 8; i++, memory += part) *parts[i] = memory;
    memset(memory, 0, (size_t)((last - first) * (3 * square + 2 * c->cols)) * sizeof(float));
    for (int64_t h = first; h < last; h++, memory += 3 * square + 2 * c->cols) {
        head *own = heads + h - first;
        *own = (head){.state = memory, .later = memory + square, .turned = memory + 2 * square};
        own->norm = memory + 3 * square;
        own->after = own->norm + c->cols;
        if (c->segment) begin(c, own, h);
    }
    all->run(c, b, first, last, heads, &w);
    for (int64_t h = first; h < last; h++) {
        if (c->ddecay) c->ddecay[b * c->heads + h] = heads[h - first].ddecay;
        const tensor made[] = {c->out, c->dq, c->dk, c->dv};
        for (int i = 0; i < 4; i++) clear(c, made[i], b, h);
    }
}

/* Take shares of the work until none is left. */
static void work(void *given) {
    queue *all = given;
    const call *c = all->given;
    int64_t each = 3 * c->rows * c->cols + 2 * c->cols, numbers = 8 * CHUNK * c->cols + all->share * each;
    float *memory = aligned_alloc(64, ((size_t)numbers * sizeof(float) + 63) / 64 * 64);
    head *heads = malloc((size_t)all->share * sizeof(head));
    if (!memory || !heads) atomic_store(&all->failed, 1);
    while (!atomic_load(&all->failed)) {
        long long unit = atomic_fetch_add(&all->next, 1);
        if (unit >= c->batch * all->groups) break;
        take(all, unit, memory, heads);
    }
    free(memory);
    free(heads);
}

static void *thread(void *given) {
    work(given);
    return NULL;
}

/* OpenMP's parallel region, as compilers call it: on as many threads, the caller among them, to the end. */
typedef void region(void (*work)(void *), void *given, unsigned threads, unsigned flags);

/* Work on the threads that torch has, where it has OpenMP's: after their own work these spin for some milliseconds, and
   others would have to share the cores with them. */
static void spread(queue *all, int64_t threads) {
    region *parallel = (region *)(intptr_t)dlsym(RTLD_DEFAULT, "GOMP_parallel");
    if (parallel && threads > 1) {
        parallel(work, all, (unsigned)threads, 0);
        return;
    }
    pthread_t *more = calloc((size_t)threads, sizeof(pthread_t));
    int64_t started = 0;
    for (; more && started < threads - 1; started++)
        if (pthread_create(more + started, NULL, thread, all)) break;
    work(all);
    for (int64_t i = 0; i < started; i++) pthread_join(more[i], NULL);
    free(more);
}

/* Sequences are shared out; heads too where there are fewer sequences than threads. */
static int run(call *c, form *chosen, int64_t threads) {
    int64_t groups = least(c->heads, (threads + c->batch - 1) / c->batch), share = (c->heads + groups - 1) / groups;
    queue all = {.given = c, .groups = (c->heads + share - 1) / share, .share = share, .run = chosen};
    spread(&all, least(threads, c->batch * all.groups));
    return atomic_load(&all.failed);
}

const char *linrec_source(void) { return SOURCE; }

/* Run forwards, or backwards if there is a gradient `g`.

   sizes: B, H, T, D, and the positions of a segment, whole chunks; 0 for the bidirectional form, which has none.
   tensors: for q, k, v, kept, out, g, dq, dk, dv an address, or 0, and the strides of B, H and T.
   log_decay: [H], not positive, or none. lengths: [B], or none. ddecay: filled, [B, H], or none.
   Gives 0, or 1 if there was no memory. */
int64_t linrec_run(const int64_t *sizes, const int64_t *tensors, const double *log_decay, const int64_t *lengths,
                   double *ddecay, int64_t threads) {
    call c = {.batch = sizes[0], .heads = sizes[1], .length = sizes[2], .size = sizes[3], .segment = sizes[4],
              .lengths = lengths, .log_decay = log_decay, .ddecay = ddecay};
    tensor *places[] = {&c.q, &c.k, &c.v, &c.kept, &c.out, &c.g, &c.dq, &c.dk, &c.dv};
    for (int i = 0; i < 9; i++, tensors += 4)
        *places[i] = (tensor){(float *)(intptr_t)tensors[0], tensors[1], tensors[2], tensors[3]};
    kind own = chosen();
    c.rows = (c.size + least(own.wide, 8) - 1) / least(own.wide, 8) * least(own.wide, 8);
    c.cols = (c.size + own.wide - 1) / own.wide * own.wide;
    c.segments = c.segment ? (c.length + c.segment - 1) / c.segment : 0;
    if (c.batch * c.heads * c.length * c.size == 0) return 0;
    if (c.segment) {
        c.counts = malloc((size_t)(c.heads * c.segments) * 2 * sizeof(double));
        if (!c.counts) return 1;
        for (int64_t h = 0; h < c.heads; h++) count(&c, h);
    }
    int failed = run(&c, own.run, threads);
    free(c.counts);
    return failed;
}
