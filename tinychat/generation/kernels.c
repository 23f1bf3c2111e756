/* The forward pass as one call, which a second thread may help with.

N tokens, T tokens in a sequence, D embed_dim, H heads, K head dim, F ffn_dim, V vocabulary, L layers.

How two threads share the work: it is a sequence of parts (a matrix product, the attention of a layer, ...), each
divided into independent chunks. The leader takes the chunks of a part from the front, the helper from the back, into a
buffer of its own, and the leader copies what the helper has finished. The leader never waits: chunks that are
unfinished when the two meet it computes itself; a chunk that the helper finishes later is ignored, since it has the
number of an earlier part. So a helper that the system suspends, or that is missing, costs nothing but its help. */

#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

/* As in native_decoder.py: the parts of a layer in order, the output layer, and no part. */
enum { PROJECTION, ATTENTION, OUT_PROJ, FFN_IN, FFN_OUT, OUTPUT, NONE };
/* The last axis of `offsets`. */
enum { WEIGHT, BIAS, NORM_WEIGHT, NORM_BIAS, KINDS };
/* Indices into `signals`, each in a cache line of its own. LEADER and HELPER hold the number of a part, and in their
lowest bits how many of its chunks the leader has taken, or the helper has finished. */
enum { LEADER = 0, HELPER = 8, PART = 16, LAYER = 24, COUNT = 32 };
enum { BITS = 20, CHUNKS = (1 << BITS) - 1 };

enum { CHUNK = 16384 };  /* weights in a chunk of a product: 64 KB, which a core reads in about two microseconds */
static const float EPS = 1e-5f;  /* torch's, of a layer norm */

/* A spinning helper yields to the other hyperthread, and gives up after SPIN_LIMIT rounds, 0.1 to 0.2 ms: longer than
the leader takes between two parts, unless it waits for a core itself. */
#if defined(__x86_64__) || defined(__i386__)
enum { SPIN_LIMIT = 5000 };
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__) || defined(__arm__)
enum { SPIN_LIMIT = 100000 };
#define PAUSE() __asm__ volatile("yield")
#else
enum { SPIN_LIMIT = 100000 };
#define PAUSE() ((void)0)
#endif

/* The floats of a vector register, and the panels of a weight and the tokens of a tile: as many as keep each sum in a
register. */
#if defined(__AVX512F__)
#define TOKENS 6
enum { LANES = 16, PANELS = 4 };
#elif defined(__AVX__)
#define TOKENS 6
enum { LANES = 8, PANELS = 1 };
#elif defined(__aarch64__)
#define TOKENS 6
enum { LANES = 4, PANELS = 1 };
#else
#define TOKENS 3
enum { LANES = 4, PANELS = 1 };
#endif
enum { PANEL = 16, VECTORS = PANEL / LANES };  /* as native_decoder.py lays out weights */
/* Vector extensions of gcc and clang; unaligned. */
typedef float Lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));

enum { AHEAD = 1024 };  /* prefetch distance of weights, in floats */

/* The memory that both threads work on; described in native_decoder.py. */
typedef struct {
    int64_t n_layers, n_slots, n_heads, max_len, head_dim, width, ffn_dim, vocab_size;
    const float *weights;
    const int64_t *offsets;
    float *keys, *values;
    const int64_t *slots, *positions, *selected;
    float *x, *projected, *mixed, *hidden, *branch, *last, *helped, *scores;
    _Atomic int64_t *signals;
} Step;

static inline int64_t read_signal(const Step *step, int which) {
    return atomic_load_explicit(&step->signals[which], memory_order_acquire);
}

static inline void write_signal(const Step *step, int which, int64_t value) {
    atomic_store_explicit(&step->signals[which], value, memory_order_release);
}

/* Outputs of a part per token. */
static int64_t size_of(const Step *step, int64_t part) {
    switch (part) {
    case PROJECTION: return 3 * step->width;
    case FFN_IN: return step->ffn_dim;
    case OUTPUT: return step->vocab_size;
    default: return step->width;
    }
}

/* The weight, bias or norm (one of KINDS) of a layer's part. */
static const float *weight_of(const Step *step, int64_t layer, int64_t part, int kind) {
    return step->weights + step->offsets[(layer * (OUTPUT + 1) + part) * KINDS + kind];
}

/* The offset of a head's keys (T, K) and values in the cache. */
static int64_t kv_offset(const Step *step, int64_t layer, int64_t slot, int64_t head) {
    return ((layer * step->n_slots + slot) * step->n_heads + head) * step->max_len * step->head_dim;
}

/* The next chunk for a thread that has finished `taken` of a part's chunks; -1 where it has no more to do. */
static int64_t claim(const Step *step, int64_t number, int64_t chunks, int64_t taken, int leading) {
    if (leading) {
        int64_t helper = read_signal(step, HELPER);
        int64_t helped = helper >> BITS == number ? helper & CHUNKS : 0;
        if (taken + helped >= chunks) return -1;
        write_signal(step, LEADER, (number << BITS) + taken + 1);
        return taken;
    }
    write_signal(step, HELPER, (number << BITS) + taken);
    int64_t leader = read_signal(step, LEADER);
    return leader >> BITS == number && (leader & CHUNKS) + taken < chunks ? chunks - 1 - taken : -1;
}

static inline Lanes load(const float *from) { return *(const Lanes *)from; }

static inline float total(Lanes lanes) {
    float all[LANES];
    *(Lanes *)all = lanes;
    Four sum = *(const Four *)all;
    for (int i = 4; i < LANES; i += 4) sum += *(const Four *)(all + i);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static inline float dot(int64_t width, const float *one, const float *other) {
    Lanes a = {0}, b = {0}, c = {0}, d = {0};  /* four independent sums, for instruction-level parallelism */
    int64_t i = 0;
    for (; i + 4 * LANES <= width; i += 4 * LANES) {
        a += load(one + i) * load(other + i);
        b += load(one + i + LANES) * load(other + i + LANES);
        c += load(one + i + 2 * LANES) * load(other + i + 2 * LANES);
        d += load(one + i + 3 * LANES) * load(other + i + 3 * LANES);
    }
    for (; i + LANES <= width; i += LANES) a += load(one + i) * load(other + i);
    float sum = total((a + b) + (c + d));
    for (; i < width; i++) sum += one[i] * other[i];
    return sum;
}

static inline float sum_of(int64_t width, const float *of) {
    Lanes lanes = {0};
    int64_t i = 0;
    for (; i + LANES <= width; i += LANES) lanes += load(of + i);
    float all = total(lanes);
    for (; i < width; i++) all += of[i];
    return all;
}

/* Some tokens of x (tokens, width) times some panels of a weight (panels, width, PANEL) plus the bias, at least
`minimum`, into y (tokens, height), of which `columns` exist; NaN stays NaN.

Each output is the bias, then one product after the other, in a fixed order: so a token's results are the same in every
batch. `tokens` and `panels` are compile-time constants, so that all sums stay in registers. */
static inline __attribute__((always_inline)) void multiply_tile(int tokens, int panels, int64_t width,
                                                                const float *weight, const float *bias, float minimum,
                                                                const float *x, float *y, int64_t height,
                                                                int64_t columns) {
    Lanes sums[TOKENS][PANELS * VECTORS];
    for (int token = 0; token < tokens; token++)
        for (int vector = 0; vector < panels * VECTORS; vector++) sums[token][vector] = load(bias + vector * LANES);
    for (int64_t i = 0; i < width; i++) {
        for (int panel = 0; panel < panels; panel++) {
            const float *line = weight + (panel * width + i) * PANEL;
            __builtin_prefetch(line + AHEAD);
            for (int vector = 0; vector < VECTORS; vector++) {
                Lanes lanes = load(line + vector * LANES);
                for (int token = 0; token < tokens; token++)
                    sums[token][panel * VECTORS + vector] += lanes * x[token * width + i];
            }
        }
    }
    for (int token = 0; token < tokens; token++) {
        float all[PANELS * PANEL];
        for (int vector = 0; vector < panels * VECTORS; vector++) *(Lanes *)(all + vector * LANES) = sums[token][vector];
        for (int column = 0; column < panels * PANEL; column++)
            all[column] = all[column] < minimum ? minimum : all[column];
        memcpy(y + token * height, all, (columns < panels * PANEL ? columns : panels * PANEL) * sizeof(float));
    }
}

/* The panels `begin` to `end` of y (N, out) = x (N, width) . weight (panels, width, PANEL) + bias, at least
`minimum`. */
static void multiply(int64_t begin, int64_t end, int64_t width, int64_t height, const float *weight, const float *bias,
                     float minimum, const float *x, int64_t n, float *y) {
    for (int64_t panel = begin, panels; panel < end; panel += panels) {
        panels = end - panel < PANELS ? 1 : PANELS;
        for (int64_t token = 0; token < n; token += TOKENS) {
#define TILE(tokens, panels)                                                                                           \
    multiply_tile(tokens, panels, width, weight + panel * PANEL * width, bias + panel * PANEL, minimum,               \
                  x + token * width, y + token * height + panel * PANEL, height, height - panel * PANEL)
#define TILES(tokens) (panels == 1 ? TILE(tokens, 1) : TILE(tokens, PANELS))
            switch (n - token) {
            case 1: TILES(1); break;
            case 2: TILES(2); break;
#if TOKENS > 3
            case 3: TILES(3); break;
            case 4: TILES(4); break;
            case 5: TILES(5); break;
#endif
            default: TILES(TOKENS);
            }
        }
    }
}

/* One head of one token: query (K), keys and values (T, K) -> mixed (K); `scores` (T) is overwritten. */
static void attend(const float *query, const float *keys, const float *values, int64_t length, int64_t width,
                   float *scores, float *mixed) {
    float scale = 1 / sqrtf((float)width), highest = -INFINITY, sum = 0;
    for (int64_t t = 0; t < length; t++) {
        scores[t] = dot(width, query, keys + t * width) * scale;
        if (scores[t] > highest) highest = scores[t];
    }
    for (int64_t t = 0; t < length; t++) {
        scores[t] = expf(scores[t] - highest);
        sum += scores[t];
    }
    int64_t k = 0;
    for (; k + LANES <= width; k += LANES) {
        Lanes lanes = {0};
        for (int64_t t = 0; t < length; t++) lanes += scores[t] * load(values + t * width + k);
        *(Lanes *)(mixed + k) = lanes / sum;
    }
    for (; k < width; k++) {
        float one = 0;
        for (int64_t t = 0; t < length; t++) one += scores[t] * values[t * width + k];
        mixed[k] = one / sum;
    }
}

/* x = layer norm of x + added for the first `n` tokens, (N, D) each, with the norm of a layer's part. */
static void normalise(const Step *step, int64_t n, const float *restrict added, int64_t layer, int64_t part) {
    const float *restrict weight = weight_of(step, layer, part, NORM_WEIGHT);
    const float *restrict bias = weight_of(step, layer, part, NORM_BIAS);
    int64_t width = step->width;
    for (int64_t token = 0; token < n; token++, added += width) {
        float *restrict x = step->x + token * width;
#pragma omp simd
        for (int64_t i = 0; i < width; i++) x[i] += added[i];
        float mean = sum_of(width, x) / (float)width;
#pragma omp simd
        for (int64_t i = 0; i < width; i++) x[i] -= mean;
        float factor = 1 / sqrtf(dot(width, x, x) / (float)width + EPS);
#pragma omp simd
        for (int64_t i = 0; i < width; i++) x[i] = x[i] * (factor * weight[i]) + bias[i];
    }
}

/* A thread's chunks of the attention, each a head of a token, into y (N, D); returns how many it took. */
static int64_t attend_all(const Step *step, int64_t number, int leading, int64_t layer, int64_t n, float *y) {
    int64_t heads = step->n_heads, width = step->head_dim, chunks = n * heads, taken = 0, chunk;
    float *scores = step->scores + (leading ? 0 : step->max_len);
    while ((chunk = claim(step, number, chunks, taken, leading)) >= 0) {
        int64_t token = chunk / heads, head = chunk % heads;
        int64_t begin = kv_offset(step, layer, step->slots[token], head);
        attend(step->projected + token * 3 * step->width + head * width, step->keys + begin, step->values + begin,
               step->positions[token] + 1, width, scores, y + token * step->width + head * width);
        taken++;
    }
    return taken;
}

/* The input of a part, (N, width). */
static const float *input_of(const Step *step, int64_t part) {
    switch (part) {
    case OUT_PROJ: return step->mixed;
    case FFN_OUT: return step->hidden;
    case OUTPUT: return step->last;
    default: return step->x;
    }
}

static int64_t width_of(const Step *step, int64_t part) { return part == FFN_OUT ? step->ffn_dim : step->width; }

/* A thread's chunks of a part, into y (N, out); returns how many outputs at the front of each row it took. */
static int64_t run_chunks(const Step *step, int64_t number, int leading, int64_t part, int64_t layer, int64_t n, float *y) {
    if (part == ATTENTION) return attend_all(step, number, leading, layer, n, y) * step->head_dim;
    int64_t width = width_of(step, part), height = size_of(step, part), taken = 0, chunk;
    const float *weight = weight_of(step, layer, part, WEIGHT), *bias = weight_of(step, layer, part, BIAS);
    int64_t panels = (height + PANEL - 1) / PANEL, at_once = CHUNK / width / PANEL;
    if (at_once < 1) at_once = 1;
    if (n > 1 || at_once > PANELS) at_once = (at_once + PANELS - 1) / PANELS * PANELS;
    int64_t chunks = (panels + at_once - 1) / at_once;
    while ((chunk = claim(step, number, chunks, taken, leading)) >= 0) {
        int64_t begin = chunk * at_once, end = begin + at_once < panels ? begin + at_once : panels;
        multiply(begin, end, width, height, weight, bias, part == FFN_IN ? 0 : -INFINITY, input_of(step, part), n, y);
        taken++;
    }
    return taken * at_once * PANEL;
}

/* Append the tokens' keys and values to the cache. */
static void append_kv(const Step *step, int64_t layer, int64_t n) {
    int64_t width = step->head_dim;
    for (int64_t token = 0; token < n; token++) {
        for (int64_t head = 0; head < step->n_heads; head++) {
            const float *key = step->projected + token * 3 * step->width + step->width + head * width;
            int64_t to = kv_offset(step, layer, step->slots[token], head) + step->positions[token] * width;
            memcpy(step->keys + to, key, width * sizeof(float));
            memcpy(step->values + to, key + step->width, width * sizeof(float));
        }
    }
}

/* A part of a layer for `n` tokens, into y (N, out), shared with the helper. */
static void lead_part(const Step *step, int64_t part, int64_t layer, int64_t n, float *y) {
    int64_t number = (read_signal(step, LEADER) >> BITS) + 1;
    write_signal(step, PART, part);
    write_signal(step, LAYER, layer);
    write_signal(step, COUNT, n);
    write_signal(step, LEADER, number << BITS);
    int64_t first = run_chunks(step, number, 1, part, layer, n, y), height = size_of(step, part);
    if (part == ATTENTION) {  /* its chunks are contiguous over all tokens */
        height *= n;
        n = 1;
    }
    if (first >= height) return;
    for (int64_t token = 0; token < n; token++) {
        int64_t from = token * height + first;
        memcpy(y + from, step->helped + from, (height - first) * sizeof(float));
    }
}

/* Run the first `n` tokens of `step`, whose embeddings are in `x`, through the model, and append them to the cache; the
logits (M, V) of the `m` tokens `selected`. */
void lead(const Step *step, int64_t n, int64_t m, float *logits) {
    int64_t width = step->width, n_layers = step->n_layers;
    memset(step->branch, 0, n * width * sizeof(float));
    normalise(step, n, step->branch, n_layers, OUTPUT);
    for (int64_t layer = 0; layer < n_layers; layer++) {
        lead_part(step, PROJECTION, layer, n, step->projected);
        append_kv(step, layer, n);
        lead_part(step, ATTENTION, layer, n, step->mixed);
        lead_part(step, OUT_PROJ, layer, n, step->branch);
        normalise(step, n, step->branch, layer, OUT_PROJ);
        lead_part(step, FFN_IN, layer, n, step->hidden);
        lead_part(step, FFN_OUT, layer, n, step->branch);
        normalise(step, n, step->branch, layer, FFN_OUT);
    }
    for (int64_t i = 0; i < m; i++)
        memcpy(step->last + i * width, step->x + step->selected[i] * width, width * sizeof(float));
    if (m) lead_part(step, OUTPUT, n_layers, m, logits);
    write_signal(step, PART, NONE);
    write_signal(step, LEADER, ((read_signal(step, LEADER) >> BITS) + 1) << BITS);
}

/* The helper's side, until the current call of `lead` has ended or stalls.

It gives up spinning, since on a busy machine it may occupy the core that the leader waits for. */
void help_out(const Step *step) {
    for (;;) {
        int64_t number = read_signal(step, LEADER) >> BITS;
        int64_t part = read_signal(step, PART), layer = read_signal(step, LAYER), n = read_signal(step, COUNT);
        /* These three may belong to the next part; if so, the leader sees an old number. */
        if (read_signal(step, LEADER) >> BITS != number) continue;
        if (part == NONE) return;
        run_chunks(step, number, 0, part, layer, n, step->helped);
        for (int64_t pauses = 0; read_signal(step, LEADER) >> BITS == number; pauses++) {
            if (pauses > SPIN_LIMIT) return;
            PAUSE();
        }
    }
}

/* Lets the caller check that both have the same layout of Step. */
int64_t step_bytes(void) { return sizeof(Step); }
