# Golden vectors without a JSON package. Prints every number as "op id field index hex", after decoding it.
# julia read.jl refimpl/vectors/sorting.swap.json ...
# A file is a JSON array, the header on its first line, then one case a line; an array in it is {"dtype","hex","shape"}.

"The k-th number in `hex` (k from 0): sixteen digits are the bits of a Float64, eight those of a Float32."
function number(hex, digits, k)
    text = hex[k*digits+1:(k+1)*digits]
    digits == 16 ? reinterpret(Float64, parse(UInt64, text; base=16)) : reinterpret(Float32, parse(UInt32, text; base=16))
end

shown(x::Float64) = string(reinterpret(UInt64, x); base=16, pad=16)
shown(x::Float32) = string(reinterpret(UInt32, x); base=16, pad=8)

function read_case(op, line)
    id = match(r"\"id\":(\d+)", line)[1]
    keys, items, digits, at = [""], [0], 16, 1
    while at <= ncodeunits(line)  # files are ASCII
        c = line[at]
        if c == '{' || c == '['
            push!(keys, ""); push!(items, 0)
        elseif c == '}' || c == ']'
            pop!(keys); pop!(items)
        elseif c == ','
            items[end] += 1
        elseif c == '"'
            start = at += 1
            while line[at] != '"'
                at += line[at] == '\\' ? 2 : 1
            end
            text = line[start:at-1]
            if line[at+1] == ':'
                keys[end] = text
            elseif length(keys) == 4 && keys[4] == "dtype"
                digits = text == "f32" ? 8 : 16
            elseif length(keys) == 4 && keys[4] == "hex"
                name = keys[3] == "" ? items[3] : keys[3]
                for k in 0:length(text)÷digits-1
                    println("$op $id $(keys[2]).$name $k $(shown(number(text, digits, k)))")
                end
            end
        end
        at += 1
    end
end

for file in ARGS
    op = match(r"\"op\":\"([^\"]*)\"", readline(file))[1]
    for line in eachline(file)
        startswith(line, "{") && read_case(op, line)
    end
end
