/* The forward pass of the classic architecture with int8 weights, in plain C without a library: for this machine, and
compiled to WebAssembly for a page.

A weight is a row of int8 times the row's scale. The input of a product is rounded to 14 bits (int16, one scale per
token), so that sums of products are exact integers: the result does not depend on their order, nor on what stands
beside a token in a batch.

N tokens, T tokens in a sequence, D embed_dim, H heads, K head dim, F ffn_dim, V vocabulary, L layers. */

#include <stddef.h>
#include <stdint.h>

#if defined(__wasm__)
#include <wasm_simd128.h>
#define EXPORT __attribute__((visibility("default")))
#elif defined(__AVX2__)
#include <immintrin.h>
#define EXPORT
#else
#define EXPORT
#endif

enum { PANEL = 16 };          /* outputs that are interleaved in a packed weight */
/* The panels and tokens of a tile: as many as keep each sum in a register. */
#if defined(__AVX512BW__)
enum { PANELS = 4, TOKENS = 4 };
#elif defined(__AVX2__)
enum { PANELS = 2, TOKENS = 2 };
#else
enum { PANELS = 1, TOKENS = 2 };
#endif
enum { LARGEST_INPUT = 8191 };
enum { BLOCK = 2048 };        /* products in a sum of 32 bits: 127 * 8191 * 2048 < 2^31 */
enum { LANES = 8 };
static const float EPS = 1e-5f; /* torch's, of a layer norm */

typedef float Lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/* A packed weight (out, in): `panels` (out / 16, in / 2, 16, 2), zero-padded, with a scale and a bias for each output. */
typedef struct {
    int32_t in, out;
    const int8_t *panels;
    const float *scales, *bias;
} Linear;

typedef struct {
    const float *weight, *bias;
} Norm;

typedef struct {
    Linear projection, out_proj, ffn_in, ffn_out;
    Norm attention_norm, ffn_norm;
} Layer;

/* Set by `arrange`. */
typedef struct {
    int32_t n_layers, n_slots, n_heads, max_len, head_dim, width, ffn_dim, vocab_size, max_tokens;
    const int8_t *words;        /* (V, D), not packed */
    const float *word_scales;   /* (V,) */
    const float *positions;     /* (max_len, D) */
    Norm input_norm;
    Layer *layers;
    Linear output;
    float *keys, *values;       /* (L, slots, H, max_len, K) */
    int16_t *rounded;           /* (max_tokens, max(D, F)), even */
    float *input_scales;        /* (max_tokens,) */
    float *x, *projected, *mixed, *hidden, *branch; /* (max_tokens, D or 3D or F) */
    float *scores;              /* (max_len,) */
    const uint8_t *heads_off;   /* (L, H), or none: heads whose output is zero */
    /* What is looked at, or none: of each token the attention weights (L, H, max_len), the hidden states (2 L + 1, D) and
    the feed-forward's units (L, F). */
    float *seen_attention, *seen_states, *seen_units;
} Model;

static void *copy(void *to, const void *from, size_t size) {
    uint8_t *target = to;
    const uint8_t *source = from;
    for (size_t i = 0; i < size; i++) target[i] = source[i];
    return to;
}

#if defined(__wasm__)
void *memset(void *to, int value, size_t size) { /* clang calls it; volatile, lest it become a call of itself */
    volatile uint8_t *target = to;
    for (size_t i = 0; i < size; i++) target[i] = (uint8_t)value;
    return to;
}
#endif

static inline float absolute(float x) { return x < 0 ? -x : x; }

/* The tokens of x (N, width) as integers of 14 bits; `width` is padded to an even number. */
static void round_inputs(Model *model, const float *x, int32_t n, int32_t width) {
    int32_t padded = width + (width & 1);
    for (int32_t token = 0; token < n; token++, x += width) {
        int16_t *rounded = model->rounded + (size_t)token * padded;
        float largest = 0;
        for (int32_t i = 0; i < width; i++) largest = absolute(x[i]) > largest ? absolute(x[i]) : largest;
        float factor = largest > 0 ? LARGEST_INPUT / largest : 0;
        for (int32_t i = 0; i < width; i++) {
            float scaled = x[i] * factor;
            rounded[i] = (int16_t)(int32_t)(scaled + (scaled < 0 ? -0.5f : 0.5f));
        }
        if (padded > width) rounded[width] = 0;
        model->input_scales[token] = largest / LARGEST_INPUT;
    }
}

/* Sums over `pairs` pairs of inputs: `tokens` inputs, each `stride` apart, times a panel, into sums (tokens, PANEL). */
#if defined(__AVX512BW__)
typedef __m512i Sums;
enum { PARTS = 1 };
static inline Sums no_sums(void) { return _mm512_setzero_si512(); }
static inline Sums weights_at(const int8_t *panel, int part) {
    (void)part;
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)panel));
}
static inline Sums input_at(const int16_t *pair) { return _mm512_set1_epi32(*(const int32_t *)pair); }
static inline Sums add_products(Sums sums, Sums weights, Sums input) {
#if defined(__AVX512VNNI__)
    return _mm512_dpwssd_epi32(sums, weights, input);
#else
    return _mm512_add_epi32(sums, _mm512_madd_epi16(weights, input));
#endif
}
static inline void store_sums(int32_t *to, Sums sums) { _mm512_storeu_si512(to, sums); }
#elif defined(__AVX2__)
typedef __m256i Sums;
enum { PARTS = 2 };
static inline Sums no_sums(void) { return _mm256_setzero_si256(); }
static inline Sums weights_at(const int8_t *panel, int part) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(panel + 16 * part)));
}
static inline Sums input_at(const int16_t *pair) { return _mm256_set1_epi32(*(const int32_t *)pair); }
static inline Sums add_products(Sums sums, Sums weights, Sums input) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(weights, input));
}
static inline void store_sums(int32_t *to, Sums sums) { _mm256_storeu_si256((__m256i *)to, sums); }
#elif defined(__wasm_simd128__)
typedef v128_t Sums;
enum { PARTS = 4 };
static inline Sums no_sums(void) { return wasm_i32x4_const_splat(0); }
static inline Sums weights_at(const int8_t *panel, int part) { return wasm_i16x8_load8x8(panel + 8 * part); }
static inline Sums input_at(const int16_t *pair) { return wasm_v128_load32_splat(pair); }
static inline Sums add_products(Sums sums, Sums weights, Sums input) {
    return wasm_i32x4_add(sums, wasm_i32x4_dot_i16x8(weights, input));
}
static inline void store_sums(int32_t *to, Sums sums) { wasm_v128_store(to, sums); }
#else
/* Vector extensions of gcc and clang. */
typedef int32_t Sums __attribute__((vector_size(16), aligned(4), may_alias));
enum { PARTS = 4 };
static inline Sums no_sums(void) { return (Sums){0}; }
static inline Sums weights_at(const int8_t *panel, int part) {
    int16_t wide[8];
    for (int i = 0; i < 8; i++) wide[i] = panel[8 * part + i];
    return *(const Sums *)wide;
}
static inline Sums input_at(const int16_t *pair) {
    int32_t both = *(const int32_t *)pair;
    return (Sums){both, both, both, both};
}
static inline Sums add_products(Sums sums, Sums weights, Sums input) {
    Sums low = (weights << 16 >> 16) * (input << 16 >> 16);
    return sums + low + (weights >> 16) * (input >> 16);
}
static inline void store_sums(int32_t *to, Sums sums) { *(Sums *)to = sums; }
#endif
enum { PART_LANES = PANEL / PARTS };

/* `tokens` tokens times `panels` panels, into y (tokens, out). Both are compile-time constants, so that all sums stay in
registers. */
static inline __attribute__((always_inline)) void multiply_tile(const Model *model, const Linear *linear, int tokens,
                                                                int panels, int32_t first, int32_t panel, float minimum,
                                                                float *y) {
    int32_t pairs = (linear->in + 1) / 2;
    size_t panel_size = (size_t)pairs * 2 * PANEL;
    const int8_t *weights = linear->panels + (size_t)panel * panel_size;
    const int16_t *rounded = model->rounded + (size_t)first * pairs * 2;
    float all[TOKENS][PANELS * PANEL];
    for (int32_t begin = 0; begin < pairs; begin += BLOCK / 2) {
        int32_t end = begin + BLOCK / 2 < pairs ? begin + BLOCK / 2 : pairs;
        Sums sums[TOKENS][PANELS * PARTS];
        for (int token = 0; token < tokens; token++)
            for (int part = 0; part < panels * PARTS; part++) sums[token][part] = no_sums();
        for (int32_t pair = begin; pair < end; pair++) {
            Sums inputs[TOKENS];
            for (int token = 0; token < tokens; token++)
                inputs[token] = input_at(rounded + ((size_t)token * pairs + pair) * 2);
            for (int part = 0; part < panels * PARTS; part++) {
                const int8_t *line = weights + (size_t)(part / PARTS) * panel_size + (size_t)pair * 2 * PANEL;
                Sums lanes = weights_at(line, part % PARTS);
                for (int token = 0; token < tokens; token++)
                    sums[token][part] = add_products(sums[token][part], lanes, inputs[token]);
            }
        }
        for (int token = 0; token < tokens; token++) {
            int32_t whole[PANELS * PANEL];
            for (int part = 0; part < panels * PARTS; part++) store_sums(whole + part * PART_LANES, sums[token][part]);
            for (int column = 0; column < panels * PANEL; column++)
                all[token][column] = (begin ? all[token][column] : 0) + (float)whole[column];
        }
    }
    const float *scales = linear->scales + panel * PANEL, *bias = linear->bias + panel * PANEL;
    int32_t columns = linear->out - panel * PANEL < panels * PANEL ? linear->out - panel * PANEL : panels * PANEL;
    for (int token = 0; token < tokens; token++) {
        float scale = model->input_scales[first + token];
        float *to = y + (size_t)(first + token) * linear->out + panel * PANEL;
        for (int32_t column = 0; column < columns; column++) {
            float one = all[token][column] * (scale * scales[column]) + bias[column];
            to[column] = one < minimum ? minimum : one;
        }
    }
}

/* y (N, out) = x (N, in) . weight + bias, at least `minimum`. */
static void multiply(Model *model, const Linear *linear, const float *x, int32_t n, float minimum, float *y) {
    round_inputs(model, x, n, linear->in);
    int32_t panels = (linear->out + PANEL - 1) / PANEL;
    for (int32_t panel = 0; panel < panels;) {
        int32_t token = 0;
        if (panels - panel >= PANELS) {
            for (; token + TOKENS <= n; token += TOKENS)
                multiply_tile(model, linear, TOKENS, PANELS, token, panel, minimum, y);
            for (; token < n; token++) multiply_tile(model, linear, 1, PANELS, token, panel, minimum, y);
            panel += PANELS;
        } else {
            for (; token < n; token++) multiply_tile(model, linear, 1, 1, token, panel, minimum, y);
            panel++;
        }
    }
}

static inline Lanes load(const float *from) { return *(const Lanes *)from; }

static inline float total(Lanes lanes) {
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

static float dot(const float *one, const float *other, int32_t width) {
    Lanes lanes = {0};
    int32_t i = 0;
    for (; i + LANES <= width; i += LANES) lanes += load(one + i) * load(other + i);
    float sum = total(lanes);
    for (; i < width; i++) sum += one[i] * other[i];
    return sum;
}

/* e to the power of x, for x <= 0; within 2e-7 of it. */
static inline float exponential(float x) {
    if (x < -40) return 0;
    float scaled = x * 1.44269504f;
    int32_t whole = (int32_t)(scaled - 0.5f);
    float rest = x - (float)whole * 0.693359375f + (float)whole * 2.12194440e-4f;
    float power = 1.9875691500e-4f;
    power = power * rest + 1.3981999507e-3f;
    power = power * rest + 8.3334519073e-3f;
    power = power * rest + 4.1665795894e-2f;
    power = power * rest + 1.6666665459e-1f;
    power = power * rest + 5.0000001201e-1f;
    power = power * rest * rest + rest + 1;
    union {
        int32_t bits;
        float value;
    } two = {(whole + 127) << 23};
    return power * two.value;
}

static void normalise(float *x, int32_t width, const Norm *norm) {
    Lanes lanes = {0};
    int32_t i = 0;
    for (; i + LANES <= width; i += LANES) lanes += load(x + i);
    float mean = total(lanes);
    for (; i < width; i++) mean += x[i];
    mean /= (float)width;
    for (i = 0; i < width; i++) x[i] -= mean;
    float factor = 1 / __builtin_sqrtf(dot(x, x, width) / (float)width + EPS);
    for (i = 0; i < width; i++) x[i] = x[i] * (factor * norm->weight[i]) + norm->bias[i];
}

/* One head of one token: query (K), keys and values (T, K) -> mixed (K); `scores` (T) become the attention weights. */
static void attend(const float *query, const float *keys, const float *values, int32_t length, int32_t width,
                   float *scores, float *mixed) {
    float scale = 1 / __builtin_sqrtf((float)width), highest, sum = 0;
    for (int32_t t = 0; t < length; t++) scores[t] = dot(query, keys + (size_t)t * width, width) * scale;
    highest = scores[0];
    for (int32_t t = 1; t < length; t++) highest = scores[t] > highest ? scores[t] : highest;
    for (int32_t t = 0; t < length; t++) {
        scores[t] = exponential(scores[t] - highest);
        sum += scores[t];
    }
    for (int32_t t = 0; t < length; t++) scores[t] /= sum;
    int32_t k = 0;
    for (; k + LANES <= width; k += LANES) {
        Lanes lanes = {0};
        for (int32_t t = 0; t < length; t++) lanes += scores[t] * load(values + (size_t)t * width + k);
        *(Lanes *)(mixed + k) = lanes;
    }
    for (; k < width; k++) {
        mixed[k] = 0;
        for (int32_t t = 0; t < length; t++) mixed[k] += scores[t] * values[(size_t)t * width + k];
    }
}

/* Memory is handed out from the front; with `begin` null only its size is counted. */
typedef struct {
    uint8_t *begin;
    size_t used;
} Arena;

static void *take(Arena *arena, size_t bytes) {
    size_t at = arena->used;
    arena->used += (bytes + 63) & ~(size_t)63;
    return arena->begin ? arena->begin + at : 0;
}

static size_t padded(int32_t out) { return (size_t)(out + PANEL - 1) / PANEL * PANEL; }

static size_t panel_bytes(int32_t in, int32_t out) { return padded(out) * (size_t)(in + (in & 1)); }

/* The weights of a product, all int8 behind each other, then, in a second pass, all floats. */
static void take_panels(Arena *arena, Linear *linear, int32_t in, int32_t out) {
    linear->in = in;
    linear->out = out;
    linear->panels = take(arena, panel_bytes(in, out));
}

static void take_floats(Arena *arena, Linear *linear) {
    linear->scales = take(arena, padded(linear->out) * 4);
    linear->bias = take(arena, padded(linear->out) * 4);
}

static void take_norm(Arena *arena, Norm *norm, int32_t width) {
    norm->weight = take(arena, (size_t)width * 4);
    norm->bias = take(arena, (size_t)width * 4);
}

/* Lays a model out in `memory`; the bytes that it takes. With `memory` null nothing is written. `seen`: whether there
is room for what is looked at. */
EXPORT size_t arrange(void *memory, int32_t n_layers, int32_t n_slots, int32_t n_heads, int32_t max_len, int32_t width,
                      int32_t ffn_dim, int32_t vocab_size, int32_t max_tokens, int32_t seen) {
    Arena arena = {memory, 0};
    Model counted, *model = take(&arena, sizeof(Model));
    if (!memory) model = &counted;
    Layer nothing, *layers = take(&arena, sizeof(Layer) * (size_t)n_layers);
    model->n_layers = n_layers;
    model->n_slots = n_slots;
    model->n_heads = n_heads;
    model->max_len = max_len;
    model->head_dim = width / n_heads;
    model->width = width;
    model->ffn_dim = ffn_dim;
    model->vocab_size = vocab_size;
    model->max_tokens = max_tokens;
    model->layers = layers;
    model->words = take(&arena, (size_t)vocab_size * width);
    for (int32_t n = 0; n < n_layers; n++) {
        Layer *layer = memory ? layers + n : &nothing;
        take_panels(&arena, &layer->projection, width, 3 * width);
        take_panels(&arena, &layer->out_proj, width, width);
        take_panels(&arena, &layer->ffn_in, width, ffn_dim);
        take_panels(&arena, &layer->ffn_out, ffn_dim, width);
    }
    take_panels(&arena, &model->output, width, vocab_size);
    model->word_scales = take(&arena, (size_t)vocab_size * 4);
    model->positions = take(&arena, (size_t)max_len * width * 4);
    take_norm(&arena, &model->input_norm, width);
    for (int32_t n = 0; n < n_layers; n++) {
        Layer *layer = memory ? layers + n : &nothing;
        take_floats(&arena, &layer->projection);
        take_floats(&arena, &layer->out_proj);
        take_norm(&arena, &layer->attention_norm, width);
        take_floats(&arena, &layer->ffn_in);
        take_floats(&arena, &layer->ffn_out);
        take_norm(&arena, &layer->ffn_norm, width);
    }
    take_floats(&arena, &model->output);
    size_t widest = (size_t)(width > ffn_dim ? width : ffn_dim) + 1, n = (size_t)max_tokens;
    model->rounded = take(&arena, n * widest * 2);
    model->input_scales = take(&arena, n * 4);
    model->x = take(&arena, n * width * 4);
    model->projected = take(&arena, n * 3 * width * 4);
    model->mixed = take(&arena, n * width * 4);
    model->hidden = take(&arena, n * ffn_dim * 4);
    model->branch = take(&arena, n * width * 4);
    model->scores = take(&arena, (size_t)max_len * 4);
    model->heads_off = take(&arena, (size_t)n_layers * n_heads);
    model->seen_attention = seen ? take(&arena, n * n_layers * n_heads * max_len * 4) : 0;
    model->seen_states = seen ? take(&arena, n * (2 * (size_t)n_layers + 1) * width * 4) : 0;
    model->seen_units = seen ? take(&arena, n * n_layers * ffn_dim * 4) : 0;
    size_t cache = (size_t)n_layers * n_slots * max_len * width * 4;
    model->keys = take(&arena, cache);
    model->values = take(&arena, cache);
    return arena.used;
}

/* Where an array of the model begins. The parts: 0 words, 1 word scales, 2 positions, 3 and 4 input norm, 5 heads off,
6 attention weights, 7 states, 8 units, 9 x; 16 + 16 layer: projection, out_proj, ffn_in, ffn_out with panels, scales and
bias, then the two norms; the layer L is the output. */
EXPORT void *array_of(Model *model, int32_t part) {
    switch (part) {
    case 0: return (void *)model->words;
    case 1: return (void *)model->word_scales;
    case 2: return (void *)model->positions;
    case 3: return (void *)model->input_norm.weight;
    case 4: return (void *)model->input_norm.bias;
    case 5: return (void *)model->heads_off;
    case 6: return model->seen_attention;
    case 7: return model->seen_states;
    case 8: return model->seen_units;
    case 9: return model->x;
    }
    int32_t number = part / 16 - 1, which = part % 16;
    const Layer *layer = model->layers + number;
    const Linear *linears[4] = {&layer->projection, &layer->out_proj, &layer->ffn_in, &layer->ffn_out};
    if (number == model->n_layers) linears[0] = &model->output;
    switch (which) {
    case 12: return (void *)layer->attention_norm.weight;
    case 13: return (void *)layer->attention_norm.bias;
    case 14: return (void *)layer->ffn_norm.weight;
    case 15: return (void *)layer->ffn_norm.bias;
    }
    const Linear *linear = linears[which / 3];
    const void *arrays[3] = {linear->panels, linear->scales, linear->bias};
    return (void *)arrays[which % 3];
}

/* A weight's rows (out, in) as panels. */
EXPORT void pack(const int8_t *rows, int32_t in, int32_t out, int8_t *panels) {
    int32_t pairs = (in + 1) / 2;
    for (size_t row = 0; row < padded(out); row++) {
        int8_t *to = panels + row / PANEL * (size_t)pairs * 2 * PANEL + row % PANEL * 2;
        for (int32_t i = 0; i < pairs * 2; i++)
            to[(size_t)(i / 2) * 2 * PANEL + i % 2] = row < (size_t)out && i < in ? rows[row * in + i] : 0;
    }
}

static void see(float *to, int32_t n, int32_t stride, const float *from, int32_t width) {
    if (!to) return;
    for (int32_t token = 0; token < n; token++)
        copy(to + (size_t)token * stride, from + (size_t)token * width, (size_t)width * 4);
}

/* The attention of a layer: append keys and values to the cache, then each head of each token. */
static void attend_all(Model *model, int32_t number, int32_t n, const int32_t *slots, const int32_t *positions) {
    int32_t width = model->head_dim, heads = model->n_heads;
    size_t sequence = (size_t)model->max_len * width;
    for (int32_t token = 0; token < n; token++) {
        const float *projected = model->projected + (size_t)token * 3 * model->width;
        for (int32_t head = 0; head < heads; head++) {
            size_t begin = (((size_t)number * model->n_slots + slots[token]) * heads + head) * sequence;
            float *keys = model->keys + begin, *values = model->values + begin;
            size_t at = (size_t)positions[token] * width;
            copy(keys + at, projected + model->width + head * width, (size_t)width * 4);
            copy(values + at, projected + 2 * model->width + head * width, (size_t)width * 4);
            float *scores = model->scores, *mixed = model->mixed + (size_t)token * model->width + head * width;
            if (model->seen_attention)
                scores = model->seen_attention +
                         (((size_t)token * model->n_layers + number) * heads + head) * model->max_len;
            attend(projected + head * width, keys, values, positions[token] + 1, width, scores, mixed);
            if (model->heads_off[number * heads + head])
                for (int32_t k = 0; k < width; k++) mixed[k] = 0;
        }
    }
}

static void add_and_normalise(Model *model, int32_t n, const Norm *norm) {
    for (int32_t token = 0; token < n; token++) {
        float *x = model->x + (size_t)token * model->width;
        const float *branch = model->branch + (size_t)token * model->width;
        for (int32_t i = 0; i < model->width; i++) x[i] += branch[i];
        normalise(x, model->width, norm);
    }
}

/* The logits (n, V) of hidden states (n, D). */
EXPORT void logits_of(Model *model, const float *states, int32_t n, float *logits) {
    for (int32_t begin = 0; begin < n; begin += model->max_tokens) {
        int32_t some = n - begin < model->max_tokens ? n - begin : model->max_tokens;
        multiply(model, &model->output, states + (size_t)begin * model->width, some, -__builtin_inff(),
                 logits + (size_t)begin * model->vocab_size);
    }
}

/* `n` new tokens, at most max_tokens, each in its slot and at its position; those of one sequence in order. The hidden
states are left in x (n, D), and what is looked at in the arrays for it. */
EXPORT void forward(Model *model, int32_t n, const int32_t *ids, const int32_t *slots, const int32_t *positions) {
    int32_t width = model->width, states = (2 * model->n_layers + 1) * width, units = model->n_layers * model->ffn_dim;
    for (int32_t token = 0; token < n; token++) {
        const int8_t *word = model->words + (size_t)ids[token] * width;
        const float *position = model->positions + (size_t)positions[token] * width;
        float *x = model->x + (size_t)token * width, scale = model->word_scales[ids[token]];
        for (int32_t i = 0; i < width; i++) x[i] = (float)word[i] * scale + position[i];
        normalise(x, width, &model->input_norm);
    }
    see(model->seen_states, n, states, model->x, width);
    for (int32_t number = 0; number < model->n_layers; number++) {
        const Layer *layer = model->layers + number;
        float *seen = model->seen_states ? model->seen_states + (2 * number + 1) * width : 0;
        multiply(model, &layer->projection, model->x, n, -__builtin_inff(), model->projected);
        attend_all(model, number, n, slots, positions);
        multiply(model, &layer->out_proj, model->mixed, n, -__builtin_inff(), model->branch);
        add_and_normalise(model, n, &layer->attention_norm);
        see(seen, n, states, model->x, width);
        multiply(model, &layer->ffn_in, model->x, n, 0, model->hidden);
        see(model->seen_units ? model->seen_units + number * model->ffn_dim : 0, n, units, model->hidden, model->ffn_dim);
        multiply(model, &layer->ffn_out, model->hidden, n, -__builtin_inff(), model->branch);
        add_and_normalise(model, n, &layer->ffn_norm);
        see(seen ? seen + width : 0, n, states, model->x, width);
    }
}
