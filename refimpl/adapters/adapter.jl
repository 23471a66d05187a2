# sorting.swap in Julia: answers JSON lines, one request a line. Put your own functions where it says YOURS.

# YOURS: the value, and the gradients of a, b, beta from the cotangents of the outputs; vectors in, vectors out.
function swap(a, b, beta)
    p = @. 1 / (1 + exp(beta * (a - b)))
    return (@. p * a + (1 - p) * b), (@. (1 - p) * a + p * b)
end
function swap_pullback(a, b, beta, glo, ghi)
    p = @. 1 / (1 + exp(beta * (a - b)))
    q = @. p * (1 - p) * (glo - ghi) * (a - b)
    ga = @. p * glo + (1 - p) * ghi - beta * q
    gb = @. (1 - p) * glo + p * ghi + beta * q
    return ga, gb, [sum((b .- a) .* q; init = 0.0)]
end

# What matches the pattern in brackets, or nothing.
function found(pattern, text)
    hit = match(pattern, text)
    return hit === nothing ? nothing : hit.captures[1]
end

# {"dtype": "f64", "shape": [2], "hex": "..."}, 16 hexadecimal digits a number: (shape as text, numbers)
function array(text)
    shape, hex = found(r"\"shape\"\s*:\s*(\[[^\]]*\])", text), found(r"\"hex\"\s*:\s*\"([0-9a-fA-F]*)\"", text)
    digits = (hex[i:i+15] for i in 1:16:length(hex))
    return shape, Float64[reinterpret(Float64, parse(UInt64, d; base = 16)) for d in digits]
end
function shown(shape, x)
    hex = join(string(reinterpret(UInt64, v); base = 16, pad = 16) for v in x)
    return "{\"dtype\": \"f64\", \"shape\": $shape, \"hex\": \"$hex\"}"
end

function answer(line)
    skip = "\"skip\": \"logistic only, a and b of one shape, one beta\""
    found(r"\"cdf\"\s*:\s*\"(\w+)\"", line) == "logistic" || return skip
    arguments = [array(found(Regex("\"$name\"\\s*:\\s*(\\{[^}]*\\})"), line)) for name in ("a", "b", "beta")]
    (shape, a), (shape_b, b), (shape_beta, beta) = arguments
    shape == shape_b && shape_beta == "[]" || return skip
    lo, hi = swap(a, b, beta[1])
    outputs = "\"outputs\": [$(shown(shape, lo)), $(shown(shape, hi))]"
    cotangents = found(r"\"cotangents\"\s*:\s*\[\s*(.*)", line)
    cotangents === nothing && return outputs
    (_, glo), (_, ghi) = [array(hit.match) for hit in Iterators.take(eachmatch(r"\{[^}]*\}", cotangents), 2)]
    ga, gb, gbeta = swap_pullback(a, b, beta[1], glo, ghi)
    return "$outputs, \"grads\": {\"a\": $(shown(shape, ga)), \"b\": $(shown(shape, gb)), \"beta\": $(shown("[]", gbeta))}"
end

for line in eachline(stdin)
    id = found(r"\"id\"\s*:\s*(\d+)", line)
    hello = "{\"protocol\": 1, \"name\": \"adapter.jl\", \"ops\": [\"sorting.swap\"], \"dtypes\": [\"f64\"]}"
    println(id === nothing ? hello : "{\"id\": $id, $(answer(line))}")
    flush(stdout)
end
