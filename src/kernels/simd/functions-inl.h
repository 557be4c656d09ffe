// What each instruction set gives its table, the scalar one too. Included inside its namespace, after kernels.h.

void quantize_row(const float* x, std::size_t in, const QuantizedRow& out);
void matmul(const MatmulJob& job);
void attention(const AttentionJob& job);

void rms_norm(const NormRow& row);
void layer_norm(const NormRow& row);
void softmax(float* row, std::size_t count);
void activate(Activation activation, float* x, std::size_t count);
void gated_activation(Activation activation, const float* gate, const float* up, std::size_t count, float* y);
void add_row(const float* x, std::size_t count, float* y);
void multiply_row(const float* x, std::size_t count, float* y);
void soft_cap(float cap, float* x, std::size_t count);
void rope_halves(const float* cosines, const float* sines, std::size_t half, float* head);
void rope_interleaved(const float* cosines, const float* sines, std::size_t half, float* head);
void f32_to_f16_row(const float* x, std::size_t count, std::uint16_t* y);
void f16_to_f32_row(const std::uint16_t* x, std::size_t count, float* y);
