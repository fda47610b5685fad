"""Golden values from PyTorch: inputs, outputs and gradients, which tests/tests/goldens compares with.

    pip install torch safetensors numpy
    python tests/goldens/generate.py

writes attention.safetensors, softmax.safetensors and layers.safetensors beside this script. The files in the
repository were made by the version that they name in their metadata (`torch`).

Inputs are exact in f32. Every result is computed twice, in f64 and in f32: that of f64 is right to within 1e-15 or
so, and the f32 one shows how far off PyTorch is in f32, which is what f32 here is held to.

A tensor's name is `case/tensor` for an input and `case/tensor/f64`, `case/tensor/f32` for a result; a gradient is
called `d_` and the name of what it belongs to. What a case is, is said in the metadata under its name, as JSON.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent


class Goldens:
    """The cases of one file."""

    def __init__(self, name):
        self.name, self.tensors, self.cases = name, {}, {}

    def case(self, name, kind, inputs, run, fixed=(), **parameters):
        """`run` maps a dict of inputs to a dict of results. `inputs["gradient"]` is the gradient of the first result;
        from it come those of the inputs, except of booleans and of what is `fixed`."""
        assert name not in self.cases
        self.cases[name] = json.dumps({"kind": kind, **parameters})
        for key, x in inputs.items():
            self.tensors[f"{name}/{key}"] = x.clone()
        for precision, dtype in [("f64", torch.float64), ("f32", torch.float32)]:
            given = {k: x.to(dtype) if x.is_floating_point() else x for k, x in inputs.items()}
            gradient = given.pop("gradient")
            learned = {k: x.clone() for k, x in given.items() if x.is_floating_point() and k not in fixed}
            for x in learned.values():
                x.requires_grad_()
            results = run({**given, **learned})
            gradients = torch.autograd.grad(next(iter(results.values())), learned.values(), gradient)
            results |= {f"d_{key}": d for key, d in zip(learned, gradients)}
            for key, x in results.items():
                assert x.dtype == dtype and not x.isnan().any(), f"{name}/{key}"
                self.tensors[f"{name}/{key}/{precision}"] = x.detach()

    def save(self):
        metadata = {"torch": torch.__version__, **self.cases}
        tensors = {k: x.contiguous() for k, x in self.tensors.items()}
        path = HERE / f"{self.name}.safetensors"
        save_file(tensors, path, metadata)
        print(f"{path.name}: {len(self.cases)} cases, {path.stat().st_size} bytes")


def random(*shape, scale=1.0):
    """Between -2 and 2 times `scale`. Of all bits of f32: products of short numbers would be exact, and hide what
    rounding does."""
    return (torch.rand(shape) * 4 - 2) * scale


# Attention.


def positions(queries, keys, offset=0, documents=None):
    """For each pair: whether both are of one document, and how far the key is to the right of the query."""
    documents = documents or [(queries, keys)]
    q = [(n, i) for n, (length, _) in enumerate(documents) for i in range(length)]
    k = [(n, j) for n, (_, length) in enumerate(documents) for j in range(length)]
    same = torch.tensor([[a == b for b, _ in k] for a, _ in q])
    ahead = torch.tensor([[j - (i + offset) for _, j in k] for _, i in q])
    return same, ahead


def attention(goldens):
    def sdpa(name, sizes, causal=False, offset=0, window=None, documents=None, scale=None, slopes=None,
             allowed=None, bias=None, is_causal=False, large=1.0):
        """`is_causal`: PyTorch makes the mask. Else it is made here, as one boolean or one additive mask."""
        batch, heads, kv_heads, queries, keys, dim, value_dim = sizes
        inputs = {
            "query": random(batch, heads, queries, dim, scale=large),
            "key": random(batch, kv_heads, keys, dim),
            "value": random(batch, kv_heads, keys, value_dim),
            "gradient": random(batch, heads, queries, value_dim),
        }
        masks = {"slopes": slopes, "allowed": allowed, "bias": bias}
        inputs |= {k: x for k, x in masks.items() if x is not None}
        same, ahead = positions(queries, keys, offset, documents)
        seen = same
        if causal:
            seen = seen & (ahead <= 0)
        if window:
            seen = seen & (ahead >= -window[0]) & (ahead <= window[1])

        def run(x):
            visible = seen & x["allowed"] if "allowed" in x else seen
            added = None
            if "slopes" in x:
                added = -x["slopes"][:, None, None] * ahead.abs()
            if "bias" in x:
                added = x["bias"] if added is None else added + x["bias"]
            if added is None:
                mask = None if visible.all() else visible
            else:
                mask = added.masked_fill(~visible, -torch.inf)
            gqa = {"enable_gqa": True} if heads != kv_heads else {}
            chosen = {"is_causal": True} if is_causal else {"attn_mask": mask}
            q, k, v = x["query"], x["key"], x["value"]
            output = F.scaled_dot_product_attention(q, k, v, scale=scale, **chosen, **gqa)
            key = x["key"].detach().repeat_interleave(heads // kv_heads, 1)
            scores = x["query"].detach() @ key.mT * (scale or dim**-0.5)
            scores = scores.masked_fill(~visible, -torch.inf) if added is None else scores + mask.detach()
            return {"output": output, "lse": scores.logsumexp(-1)}

        goldens.case(name, "attention", inputs, run, fixed=("slopes", "bias"), causal=causal, offset=offset,
                     window=window, documents=documents, scale=scale)

    small = (2, 4, 4, 5, 7, 8, 6)
    square = (1, 2, 2, 9, 9, 8, 8)
    sdpa("none", small)
    sdpa("one_query", (1, 2, 2, 1, 13, 8, 8))
    sdpa("head_dim_1", (1, 2, 2, 4, 5, 1, 1))
    sdpa("tiles", (1, 1, 1, 70, 150, 16, 16))
    sdpa("causal_tiles", (1, 1, 1, 140, 140, 8, 8), causal=True, is_causal=True)
    sdpa("large_scores", (1, 4, 2, 9, 20, 8, 8), large=256.0)
    sdpa("causal", square, causal=True, is_causal=True)
    sdpa("causal_more_keys", small, causal=True, is_causal=True)
    sdpa("causal_fewer_keys", (1, 2, 2, 8, 5, 8, 8), causal=True, is_causal=True)
    sdpa("causal_at_the_end", small, causal=True, offset=2)
    sdpa("window", square, window=(2, 1))
    sdpa("causal_window", square, causal=True, window=(3, 0))
    sdpa("documents", (1, 2, 2, 9, 11, 8, 8), documents=[(4, 5), (3, 2), (2, 4)])
    sdpa("causal_documents", (1, 2, 2, 9, 9, 8, 8), causal=True, documents=[(4, 4), (5, 5)])
    slopes = torch.tensor([0.25, 0.0625])
    sdpa("alibi", square, slopes=slopes)
    sdpa("causal_alibi", square, causal=True, slopes=slopes)
    allowed = torch.rand(2, 4, 5, 7) < 0.6
    sdpa("allowed", small, allowed=allowed)
    allowed[:, 1, 2] = False
    sdpa("allowed_nothing", small, allowed=allowed)
    sdpa("allowed_padding", small, allowed=(torch.arange(7) < torch.tensor([[4], [7]]))[:, None, None, :])
    sdpa("bias", small, bias=random(2, 4, 5, 7))
    sdpa("bias_of_heads", small, bias=random(1, 4, 5, 7))
    sdpa("combined", (1, 2, 1, 9, 9, 8, 8), causal=True, offset=1, window=(4, 3), documents=[(5, 4), (4, 5)],
         slopes=slopes, allowed=torch.rand(1, 2, 9, 9) < 0.8, bias=random(1, 1, 9, 9))
    sdpa("grouped_heads", (2, 6, 2, 5, 7, 8, 6))
    sdpa("one_kv_head", (1, 4, 1, 5, 7, 8, 8), causal=True, offset=2)
    sdpa("scale", small, scale=0.3125)


# Softmax.


def softmax(goldens):
    cube = random(3, 4, 5, scale=4.0)
    large = random(3, 130, scale=64.0)
    hidden = random(4, 9, scale=4.0)
    hidden[torch.rand(4, 9) < 0.4] = -torch.inf
    hidden[:, 3] = 1.0
    for name, x in [("cube", cube), ("large", large), ("hidden", hidden)]:
        for axis in range(x.dim()):
            if hidden is x and axis == 0:
                continue  # columns of -inf alone, where PyTorch has NaN
            gradient = random(*x.shape)
            of_rest = gradient.select(axis, 0).contiguous()
            for kind, f, gradient in [
                ("softmax", lambda x: x.softmax(axis), gradient),
                ("log_softmax", lambda x: x.log_softmax(axis), gradient),
                ("log_sum_exp", lambda x: x.logsumexp(axis), of_rest),
            ]:
                if kind == "log_softmax" and x is hidden:
                    gradient = gradient.masked_fill(x.isinf(), 0.0)
                run = lambda inputs: {"output": f(inputs["x"])}
                goldens.case(f"{kind}_{name}_{axis}", kind, {"x": x, "gradient": gradient}, run, axis=axis)


# Layers.


def layers(goldens):
    def linear(bias):
        inputs = {"x": random(5, 7), "weight": random(4, 7), "gradient": random(5, 4)}
        if bias:
            inputs["bias"] = random(4)
        run = lambda i: {"output": F.linear(i["x"], i["weight"], i.get("bias"))}
        goldens.case("linear" if bias else "linear_without_bias", "linear", inputs, run)

    linear(True)
    linear(False)

    x = {"x": random(6, 33), "gradient": random(6, 33)}
    x["x"][2] *= 1 / 1024  # epsilon counts
    x["x"][3] += 512.0  # the mean is far from zero
    x["x"][4] = 0.0
    norm = {**x, "weight": random(33)}
    run = lambda i: {"output": F.layer_norm(i["x"], (33,), i["weight"], i.get("bias"), 2.0**-17)}
    goldens.case("layer_norm", "layer_norm", {**norm, "bias": random(33)}, run, epsilon=2.0**-17)
    goldens.case("layer_norm_without_bias", "layer_norm", norm, run, epsilon=2.0**-17)
    run = lambda i: {"output": F.rms_norm(i["x"], (33,), i["weight"], 2.0**-20)}
    goldens.case("rms_norm", "rms_norm", norm, run, epsilon=2.0**-20)

    x = {"x": torch.cat([torch.linspace(-12, 12, 97), random(32)]), "gradient": random(129)}
    gelu_tanh = lambda x: F.gelu(x, approximate="tanh")
    for name, f in [("gelu", F.gelu), ("gelu_tanh", gelu_tanh), ("silu", F.silu)]:
        goldens.case(name, "activation", x, lambda i: {"output": f(i["x"])}, function=name)

    def swiglu(i):
        hidden = F.silu(F.linear(i["x"], i["gate"])) * F.linear(i["x"], i["up"])
        return {"output": F.linear(hidden, i["down"])}

    inputs = {"x": random(5, 6), "gate": random(10, 6, scale=0.5), "up": random(10, 6, scale=0.5),
              "down": random(6, 10, scale=0.5), "gradient": random(5, 6)}
    goldens.case("swiglu", "swiglu", inputs, swiglu)

    def mlp(i):
        hidden = F.gelu(F.linear(i["x"], i["up"], i["up_bias"]))
        return {"output": F.linear(hidden, i["down"], i["down_bias"])}

    inputs = {"x": random(5, 6), "up": random(24, 6, scale=0.5), "up_bias": random(24),
              "down": random(6, 24, scale=0.5), "down_bias": random(6), "gradient": random(5, 6)}
    goldens.case("mlp", "mlp", inputs, mlp)

    multi_head(goldens)
    rotary(goldens)
    llama(goldens)


def multi_head(goldens):
    dim, heads = 8, 2

    def case(name, causal, bias, memory=None):
        inputs = {
            "x": random(2, 5, dim),
            "in_proj_weight": random(3 * dim, dim, scale=0.5),
            "out_proj.weight": random(dim, dim, scale=0.5),
            "gradient": random(2, 5, dim),
        }
        if bias:
            inputs |= {"in_proj_bias": random(3 * dim), "out_proj.bias": random(dim)}
        if memory:
            inputs["memory"] = random(2, memory, dim)

        def run(i):
            layer = torch.nn.MultiheadAttention(dim, heads, bias=bias, batch_first=True, dtype=i["x"].dtype)
            hidden = torch.ones(5, 5, dtype=torch.bool).triu(1) if causal else None
            other = i.get("memory", i["x"])
            parameters = {k: x for k, x in i.items() if "proj" in k}
            arguments = {"attn_mask": hidden, "need_weights": False}
            output, _ = torch.func.functional_call(layer, parameters, (i["x"], other, other), arguments)
            return {"output": output}

        goldens.case(name, "multi_head", inputs, run, heads=heads, causal=causal)

    case("multi_head", causal=False, bias=True)
    case("multi_head_causal", causal=True, bias=True)
    case("multi_head_without_bias", causal=True, bias=False)
    case("multi_head_cross", causal=False, bias=True, memory=7)


def angles(first, tokens, dims, dtype, base=10_000.0, scaling=None):
    """p theta, as (cosine, sine), for each position and each pair."""
    theta = base ** (-torch.arange(0, dims, 2, dtype=torch.float64) / dims)
    match scaling:
        case {"linear": factor}:
            theta = theta / factor
        case {"ntk": factor}:
            stretched = base * factor ** (dims / (dims - 2))
            theta = stretched ** (-torch.arange(0, dims, 2, dtype=torch.float64) / dims)
        case {"llama3": factor, "low": low, "high": high, "context": context}:
            # Long waves are slowed down, short ones kept, those between mixed.
            length = 2 * torch.pi / theta
            kept = (context / length - low) / (high - low)
            mixed = (1 - kept) * theta / factor + kept * theta
            mixed = torch.where(length > context / low, theta / factor, mixed)
            theta = torch.where(length < context / high, theta, mixed)
    angle = torch.arange(first, first + tokens, dtype=torch.float64)[:, None] * theta
    return angle.cos().to(dtype), angle.sin().to(dtype)


def interleaved(x, cos, sin):
    """Meta's Llama: neighbours are a complex number, which is multiplied by exp(i p theta)."""
    points = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(points * torch.complex(cos, sin)).flatten(-2)


def half_split(x, cos, sin):
    """Hugging Face's Llama: x cos + rotate_half(x) sin."""
    first, second = x.chunk(2, -1)
    return x * torch.cat([cos, cos], -1) + torch.cat([-second, first], -1) * torch.cat([sin, sin], -1)


def rotary(goldens):
    def case(name, convention, turn, first=0, dims=8, **scaling):
        def run(i):
            cos, sin = angles(first, 5, dims, i["x"].dtype, scaling=scaling)
            return {"output": torch.cat([turn(i["x"][..., :dims], cos, sin), i["x"][..., dims:]], -1)}

        inputs = {"x": random(2, 3, 5, 8), "gradient": random(2, 3, 5, 8)}
        goldens.case(name, "rotary", inputs, run, convention=convention, first=first, dims=dims, base=10_000.0,
                     **scaling)

    for convention, turn in [("interleaved", interleaved), ("half_split", half_split)]:
        case(f"rotary_{convention}", convention, turn)
        case(f"rotary_{convention}_offset", convention, turn, first=1000)
        case(f"rotary_{convention}_part", convention, turn, first=3, dims=6)
    case("rotary_linear", "half_split", half_split, first=7, linear=4.0)
    case("rotary_ntk", "half_split", half_split, first=7, ntk=4.0)
    case("rotary_llama3", "half_split", half_split, first=7, llama3=8.0, low=1.0, high=4.0, context=512)


def llama(goldens):
    """Llama's attention: 4 query heads on 2 key-value heads, rotary positions, causal, no biases."""
    dim, heads, kv_heads, head_dim = 12, 4, 2, 6

    def run(i):
        def projected(weight, heads):
            return F.linear(i["x"], i[weight]).unflatten(-1, (heads, head_dim)).transpose(1, 2)

        query, key, value = projected("query", heads), projected("key", kv_heads), projected("value", kv_heads)
        cos, sin = angles(3, 5, head_dim, query.dtype)
        query, key = half_split(query, cos, sin), half_split(key, cos, sin)
        output = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
        return {"output": F.linear(output.transpose(1, 2).flatten(2), i["output"])}

    inputs = {
        "x": random(2, 5, dim),
        "query": random(heads * head_dim, dim, scale=0.5),
        "key": random(kv_heads * head_dim, dim, scale=0.5),
        "value": random(kv_heads * head_dim, dim, scale=0.5),
        "output": random(dim, heads * head_dim, scale=0.5),
        "gradient": random(2, 5, dim),
    }
    goldens.case("llama", "llama", inputs, run, heads=heads, kv_heads=kv_heads, head_dim=head_dim, first=3,
                 base=10_000.0)


for write in [attention, softmax, layers]:
    torch.manual_seed(20)
    goldens = Goldens(write.__name__)
    write(goldens)
    goldens.save()
