#!/usr/bin/env python3
"""Writes a GGUF file whose tensors are all F32, with the values that another file's quantised blocks stand for.

    python dequantise.py MODEL.gguf COPY.gguf    # needs gguf

With such a copy no program rounds activations, so that two programs must agree to float accuracy.
"""
import sys

import gguf


def write_f32_copy(source, target):
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        if field.types[0] == gguf.GGUFValueType.ARRAY:
            writer.add_array(name, field.contents())
        else:
            writer.add_key_value(name, field.contents(), field.types[0])
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, values.reshape([int(size) for size in reversed(tensor.shape)]))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write_f32_copy(sys.argv[1], sys.argv[2])
