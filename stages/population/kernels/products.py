"""Matrix products of a few rows: the one place where the machine's registers matter.

A trial's matrices fit into the first two caches, so the classic blocking of a matrix product is not needed; what is
needed is a tile of the result that stays in registers while the inner dimension runs past it. Numba's own loops spill
such a tile to memory; so it is written in LLVM's language, of which Numba is made: vectors of the machine's width and
fused multiply-adds, for any processor and without a compiler installed.
"""

import numpy as np
from llvmlite import binding, ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16 if binding.get_host_cpu_features().get("avx512f") else 8  # numbers in a vector register
TALL = LANES // 2  # rows of the tallest tile: with two vectors a row, half of the registers hold results
PAD = 8  # columns of every scratch matrix are padded to a multiple
MATRIX = types.Array(types.float32, 2, "A")
PRODUCT = types.void(MATRIX, MATRIX, MATRIX, types.boolean)  # one signature: compiled once, not for every layout


@njit(inline="always")
def padded(columns):
    """The least multiple of PAD that holds so many columns."""
    return (columns + PAD - 1) // PAD * PAD


def _tile(rows: int, vectors: int, lanes: int):
    """A product of `rows` rows and `vectors`·`lanes` columns: c (+)= a b, all by pointers to their first elements.

    a's elements lie `row` apart down a column and `column` apart along a row, so that it may be a transposed view.
    """

    @intrinsic
    def tile(typing, c, c_row, a, a_row, a_column, b, b_row, depth, add):
        n = types.intp
        signature = types.void(c, n, a, n, n, b, n, n, types.boolean)

        def generate(context, builder, signature, arguments):
            integer, vector = ir.IntType(64), ir.VectorType(ir.FloatType(), lanes)
            multiply_add = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{lanes}f32"
            )
            c, a, b = (context.make_array(signature.args[at])(context, builder, arguments[at]).data for at in (0, 2, 5))
            _, c_row, _, a_row, a_column, _, b_row, depth, add = arguments

            def at(pointer, offset):
                return builder.gep(pointer, [offset])

            def constant(value):
                return ir.Constant(integer, value)

            def as_vector(pointer):
                return builder.bitcast(pointer, vector.as_pointer())

            def load(pointer):
                return builder.load(as_vector(pointer), align=4)

            cells = [(row, part) for row in range(rows) for part in range(vectors)]
            entry, load_c, loop, body, store = [builder.block] + [
                builder.append_basic_block(name) for name in ("load_c", "loop", "body", "store")
            ]
            places = [
                at(c, builder.add(builder.mul(constant(row), c_row), constant(part * lanes))) for row, part in cells
            ]
            builder.cbranch(add, load_c, loop)
            builder.position_at_end(load_c)
            before = [load(place) for place in places]
            builder.branch(loop)

            builder.position_at_end(loop)
            k = builder.phi(integer)
            sums = [builder.phi(vector) for _ in cells]
            for block, start in ((entry, [ir.Constant(vector, [0.0] * lanes)] * len(cells)), (load_c, before)):
                k.add_incoming(constant(0), block)
                for total, value in zip(sums, start, strict=True):
                    total.add_incoming(value, block)
            builder.cbranch(builder.icmp_signed("<", k, depth), body, store)

            builder.position_at_end(body)
            b_k, a_k = at(b, builder.mul(k, b_row)), at(a, builder.mul(k, a_column))
            right = [load(at(b_k, constant(part * lanes))) for part in range(vectors)]
            one, none = ir.IntType(32), ir.Constant(vector, ir.Undefined)
            everywhere = ir.Constant(ir.VectorType(one, lanes), [0] * lanes)
            for row in range(rows):
                left = builder.load(at(a_k, builder.mul(constant(row), a_row)))
                left = builder.insert_element(none, left, ir.Constant(one, 0))
                left = builder.shuffle_vector(left, none, everywhere)
                for part in range(vectors):
                    total = sums[row * vectors + part]
                    total.add_incoming(builder.call(multiply_add, [left, right[part], total]), body)
            k.add_incoming(builder.add(k, constant(1)), body)
            builder.branch(loop)

            builder.position_at_end(store)
            for total, place in zip(sums, places, strict=True):
                builder.store(total, as_vector(place), align=4)
            return context.get_dummy_value()

        return signature, generate

    return tile


def _column_of_tiles(vectors: int, lanes: int):
    """All rows of c, `vectors`·`lanes` columns wide: as many tall tiles as fit, then lower ones."""
    tall, half, pair, single = (_tile(rows, vectors, lanes) for rows in (TALL, TALL // 2, 2, 1))

    @njit(PRODUCT, error_model="numpy")
    def column(c, a, b, add):
        rows, depth = c.shape[0], b.shape[0]
        c_row, b_row = c.strides[0] // 4, b.strides[0] // 4
        a_row, a_column = a.strides[0] // 4, a.strides[1] // 4
        i = 0
        while i + TALL <= rows:
            tall(c[i:], c_row, a[i:], a_row, a_column, b, b_row, depth, add)
            i += TALL
        while i + TALL // 2 <= rows:
            half(c[i:], c_row, a[i:], a_row, a_column, b, b_row, depth, add)
            i += TALL // 2
        while i + 2 <= rows:
            pair(c[i:], c_row, a[i:], a_row, a_column, b, b_row, depth, add)
            i += 2
        if i < rows:
            single(c[i:], c_row, a[i:], a_row, a_column, b, b_row, depth, add)

    return column


_two_vectors, _one_vector, _narrow = _column_of_tiles(2, LANES), _column_of_tiles(1, LANES), _column_of_tiles(1, PAD)


@njit(PRODUCT, error_model="numpy")
def multiply(c, a, b, add):
    """c [M, N] = a [M, K] b [K, N], or c += a b if `add`; N a multiple of PAD, rows of c and b contiguous.

    M and K are those of c and b: what a holds beyond them, as padding, is not looked at. The sum over K runs in order,
    whatever the tiling, so that the result depends neither on M nor on the processor's width.
    """
    columns = b.shape[1]
    j = 0
    while j + 2 * LANES <= columns:
        _two_vectors(c[:, j:], a, b[:, j:], add)
        j += 2 * LANES
    while j + LANES <= columns:
        _one_vector(c[:, j:], a, b[:, j:], add)
        j += LANES
    if j < columns:
        _narrow(c[:, j:], a, b[:, j:], add)


@njit(error_model="numpy")
def transposed(matrix, columns):
    """[M, N] → [N, padded(M)], of whose N rows only `columns` are given, zeros in the padding."""
    out = np.zeros((columns, padded(matrix.shape[0])), np.float32)
    for i in range(matrix.shape[0]):
        for j in range(columns):
            out[j, i] = matrix[i, j]
    return out
