"""Matrix products of a few rows: the one place where the machine's registers matter.

A tile of the result stays in registers while the inner dimension runs past it. Numba's own loops spill such a tile to
memory; so it is written in LLVM's language, of which Numba is made: vectors of the machine's width and fused
multiply-adds, for any processor and without a compiler installed.

A processor starts two multiply-adds a cycle and knows each one's result four cycles later, so a tile of fewer than
eight vectors waits for itself; and each vector of b must serve more than one row, or it is loaded as often as it is
used. Both ask for tiles as large as the registers allow: of 16 registers 12 hold results. Few rows get wide tiles,
many rows get half as wide and twice as tall ones. A recurrent step has 1 to 30 rows and comes a hundred times an
update; its matrix is laid out once an update in `panels`, each as wide as the widest tile, which a tile then reads
from its first number to its last. Below `multiply` all is addresses and distances in bytes: a step's product takes a
tenth of a microsecond, and a slice of an array would cost as much.
"""

from types import SimpleNamespace

import numpy as np
from llvmlite import binding, ir
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from .elementary import once

LANES = 16 if binding.get_host_cpu_features().get("avx512f") else 8  # numbers in a vector register
PAD = 8  # columns of every scratch matrix are padded to a multiple
WIDE = 6  # vectors of the widest tile and panel
FLOAT = 4  # bytes of a number
DEEP, HIGH = 128, 256  # inner dimension and rows that are gone through at a time, so that they stay in the caches
MATRIX = types.Array(types.float32, 2, "A")
PRODUCT = types.void(MATRIX, MATRIX, MATRIX, types.boolean)  # one signature: compiled once, not for every layout


@njit(inline="always")
def padded(columns):
    """The least multiple of PAD that holds so many columns."""
    return (columns + PAD - 1) // PAD * PAD


@intrinsic
def _pointer(typing, address):
    kind = types.CPointer(types.float32)
    return kind(types.int64), lambda context, builder, _, given: builder.inttoptr(
        given[0], context.get_value_type(kind)
    )


def _tile(rows: int, vectors: int, lanes: int, panels: int = 1):
    """A product of `rows` rows and `vectors`·`lanes` columns: c (+)= a b, all by addresses of their first elements.

    a's elements lie `a_row` bytes apart down a column and `a_column` along a row: it may be a transposed view. With
    two `panels` the vectors are those of two neighbouring ones, half of each: the second begins where the first ends.
    """

    @intrinsic
    def tile(typing, c, c_row, a, a_row, a_column, b, b_row, depth, add):
        signature = types.void(*[types.int64] * 8, types.boolean)

        def generate(context, builder, signature, arguments):
            integer, vector, number = ir.IntType(64), ir.VectorType(ir.FloatType(), lanes), ir.FloatType()
            multiply_add = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{lanes}f32"
            )
            c, c_row, a, a_row, a_column, b, b_row, depth, add = arguments

            def constant(value):
                return ir.Constant(integer, value)

            def place(base, row, distance, part=0):
                row = builder.add(base, builder.mul(constant(row), distance))
                return builder.add(row, constant(part * lanes * FLOAT))

            def pointer(address, kind):
                return builder.inttoptr(address, kind.as_pointer())

            def load(address):
                return builder.load(pointer(address, vector), align=FLOAT)

            half = vectors // panels
            next_panel = builder.mul(b_row, depth)
            cells = [(row, part) for row in range(rows) for part in range(vectors)]
            entry, load_c, loop, body, store = [builder.block] + [
                builder.append_basic_block(name) for name in ("load_c", "loop", "body", "store")
            ]
            places = [place(c, row, c_row, part) for row, part in cells]
            builder.cbranch(add, load_c, loop)
            builder.position_at_end(load_c)
            before = [load(each) for each in places]
            builder.branch(loop)

            builder.position_at_end(loop)
            k, a_k, b_k = (builder.phi(integer) for _ in range(3))
            sums = [builder.phi(vector) for _ in cells]
            for block, start in ((entry, [ir.Constant(vector, [0.0] * lanes)] * len(cells)), (load_c, before)):
                for moving, value in zip((k, a_k, b_k, *sums), (constant(0), a, b, *start), strict=True):
                    moving.add_incoming(value, block)
            builder.cbranch(builder.icmp_signed("<", k, depth), body, store)

            builder.position_at_end(body)
            one, none = ir.IntType(32), ir.Constant(vector, ir.Undefined)
            everywhere = ir.Constant(ir.VectorType(one, lanes), [0] * lanes)

            def left(row):
                value = builder.load(pointer(place(a_k, row, a_row), number))
                value = builder.insert_element(none, value, ir.Constant(one, 0))
                return builder.shuffle_vector(value, none, everywhere)

            def right(part):
                return load(place(b_k, part // half, next_panel, part % half))

            # The shorter side is held in registers, each vector of the longer one only while it is used.
            wide = rows <= vectors
            shorter = [left(row) for row in range(rows)] if wide else [right(part) for part in range(vectors)]
            for outer in range(max(rows, vectors)):
                passing = right(outer) if wide else left(outer)
                for inner, held in enumerate(shorter):
                    total = sums[inner * vectors + outer] if wide else sums[outer * vectors + inner]
                    total.add_incoming(builder.call(multiply_add, [held, passing, total]), body)
            for moving, step in ((k, constant(1)), (a_k, a_column), (b_k, b_row)):
                moving.add_incoming(builder.add(moving, step), body)
            builder.branch(loop)

            builder.position_at_end(store)
            for total, each in zip(sums, places, strict=True):
                builder.store(total, pointer(each, vector), align=FLOAT)
            return context.get_dummy_value()

        return signature, generate

    return tile


_STRIP = types.void(*[types.int64] * 9, types.boolean)


def _low_strip(vectors: int, lanes: int, tall: int):
    """All rows of c, `vectors`·`lanes` columns wide: as many tall tiles as fit, then lower ones."""
    highest, half, pair, single = (_tile(rows, vectors, lanes) for rows in (tall, tall // 2, 2, 1))

    @once(_STRIP)
    def strip(c, c_row, a, a_row, a_column, b, b_row, rows, depth, add):
        while rows >= tall:
            highest(c, c_row, a, a_row, a_column, b, b_row, depth, add)
            c, a, rows = c + tall * c_row, a + tall * a_row, rows - tall
        if rows >= tall // 2:
            half(c, c_row, a, a_row, a_column, b, b_row, depth, add)
            c, a, rows = c + tall // 2 * c_row, a + tall // 2 * a_row, rows - tall // 2
        if rows >= 2:
            pair(c, c_row, a, a_row, a_column, b, b_row, depth, add)
            c, a, rows = c + 2 * c_row, a + 2 * a_row, rows - 2
        if rows > 0:
            single(c, c_row, a, a_row, a_column, b, b_row, depth, add)

    return strip


def _wide_strip(vectors: int, lanes: int, tall: int, left, right):
    """As `_low_strip`, of more than WIDE / 2 vectors: tall tiles go half as wide, by the strips `left` and `right`."""
    middle = (vectors + 1) // 2 * lanes * FLOAT
    half, pair, single = (_tile(rows, vectors, lanes) for rows in (tall // 2, 2, 1))

    @once(_STRIP)
    def strip(c, c_row, a, a_row, a_column, b, b_row, rows, depth, add):
        high = rows // tall * tall
        if high > 0:
            left(c, c_row, a, a_row, a_column, b, b_row, high, depth, add)
            right(c + middle, c_row, a, a_row, a_column, b + middle, b_row, high, depth, add)
            c, a, rows = c + high * c_row, a + high * a_row, rows - high
        if rows >= tall // 2:
            half(c, c_row, a, a_row, a_column, b, b_row, depth, add)
            c, a, rows = c + tall // 2 * c_row, a + tall // 2 * a_row, rows - tall // 2
        if rows >= 2:
            pair(c, c_row, a, a_row, a_column, b, b_row, depth, add)
            c, a, rows = c + 2 * c_row, a + 2 * a_row, rows - 2
        if rows > 0:
            single(c, c_row, a, a_row, a_column, b, b_row, depth, add)

    return strip


@njit(inline="always")
def _width(columns, lanes):
    """The vectors of a panel: at most WIDE, and so that all but the last are as wide as each other."""
    vectors = columns // lanes
    panels = (vectors + WIDE - 1) // WIDE
    return (vectors + panels - 1) // panels if panels else 0


def build(lanes: int) -> SimpleNamespace:
    """`panels`, `multiply_panels` and `multiply` with vectors of so many numbers."""
    tall = 4 if lanes == 8 else 8  # twice the rows of the widest tile; AVX-512 also has twice the registers
    one, two, three = (_low_strip(vectors, lanes, tall) for vectors in (1, 2, 3))
    four, five = (
        _wide_strip(vectors, lanes, tall, *strips) for vectors, strips in ((4, (two, two)), (5, (three, two)))
    )
    six = _wide_strip(6, lanes, tall, three, three)
    two_of_four, two_of_five, two_of_six = (_tile(1, 2 * vectors, lanes, panels=2) for vectors in (4, 5, 6))
    narrow = one if lanes == PAD else _low_strip(1, PAD, tall)

    @once(types.void(*[types.int64] * 10, types.boolean))
    def strip(vectors, c, c_row, a, a_row, a_column, b, b_row, rows, depth, add):
        if vectors == 6:
            six(c, c_row, a, a_row, a_column, b, b_row, rows, depth, add)
        elif vectors == 5:
            five(c, c_row, a, a_row, a_column, b, b_row, rows, depth, add)
        elif vectors == 4:
            four(c, c_row, a, a_row, a_column, b, b_row, rows, depth, add)
        elif vectors == 3:
            three(c, c_row, a, a_row, a_column, b, b_row, rows, depth, add)
        elif vectors == 2:
            two(c, c_row, a, a_row, a_column, b, b_row, rows, depth, add)
        elif vectors == 1:
            one(c, c_row, a, a_row, a_column, b, b_row, rows, depth, add)
        else:
            narrow(c, c_row, a, a_row, a_column, b, b_row, rows, depth, add)

    @once(types.float32[:, ::1](MATRIX))
    def panels(b):
        """The matrix b [K, N] in an array [K, padded(N)] whose numbers lie panel after panel, zeros in the padding."""
        (depth, given), (b_row, b_column) = b.shape, b.strides
        columns = padded(given)
        out = np.empty((depth, columns), np.float32)
        wide, start, to = _width(columns, lanes), 0, out.ctypes.data
        while start < columns:
            vectors = min(wide, (columns - start) // lanes)
            width = vectors * lanes if vectors else PAD
            size = min(width, given - start)
            for k in range(depth):
                line = carray(_pointer(to), (width,))
                if b_column == FLOAT:  # said apart, so that it becomes a loop over vectors
                    row = carray(_pointer(b.ctypes.data + k * b_row + start * FLOAT), (size,))
                    for j in range(size):
                        line[j] = row[j]
                else:
                    column = b[k, start : start + size]
                    for j in range(size):
                        line[j] = column[j]
                for j in range(size, width):
                    line[j] = 0
                to += width * FLOAT
            start += width
        return out

    @once(PRODUCT)
    def multiply_panels(c, a, panels, add):
        """c [M, N] = a [M, K] b, or c += a b if `add`, with `panels` of b [K, N]; as `multiply`, for small M."""
        (rows, columns), depth, wide = c.shape, panels.shape[0], _width(c.shape[1], lanes)
        c_row, (a_row, a_column) = c.strides[0], a.strides
        to, left, right = c.ctypes.data, a.ctypes.data, panels.ctypes.data
        deep = DEEP if rows > tall else max(depth, 1)  # a panel that is read once goes through the cache as it is
        while columns > 0:
            vectors = min(wide, columns // lanes)
            width = vectors * lanes if vectors else PAD
            b_row = width * FLOAT
            if rows == 1 and vectors > WIDE // 2 and columns >= 2 * width:
                if vectors == 6:
                    two_of_six(to, c_row, left, a_row, a_column, right, b_row, depth, add)
                elif vectors == 5:
                    two_of_five(to, c_row, left, a_row, a_column, right, b_row, depth, add)
                else:
                    two_of_four(to, c_row, left, a_row, a_column, right, b_row, depth, add)
                width *= 2
            else:
                for k in range(0, max(depth, 1), deep):
                    block, a_k, b_k = min(deep, depth - k), left + k * a_column, right + k * b_row
                    strip(vectors, to, c_row, a_k, a_row, a_column, b_k, b_row, rows, block, add or k > 0)
            to, right, columns = to + width * FLOAT, right + width * FLOAT * depth, columns - width

    @once(PRODUCT)
    def multiply(c, a, b, add):
        """c [M, N] = a [M, K] b [K, N], or c += a b if `add`; N a multiple of PAD, rows of c and b contiguous.

        M and K are those of c and b: what a holds beyond them, as padding, is not looked at. The sum over K runs in
        order, whatever the tiling, so that the result depends neither on M nor on the processor's width.
        """
        (rows, columns), depth, wide = c.shape, b.shape[0], _width(c.shape[1], lanes)
        c_row, (a_row, a_column), b_row = c.strides[0], a.strides, b.strides[0]
        to, left, right = c.ctypes.data, a.ctypes.data, b.ctypes.data
        for k in range(0, max(depth, 1), DEEP):
            for i in range(0, rows, HIGH):
                high, deep = min(HIGH, rows - i), min(DEEP, depth - k)
                c_i, a_ik, b_k = to + i * c_row, left + i * a_row + k * a_column, right + k * b_row
                start = 0
                while start < columns:
                    vectors = min(wide, (columns - start) // lanes)
                    c_ij, b_kj = c_i + start * FLOAT, b_k + start * FLOAT
                    strip(vectors, c_ij, c_row, a_ik, a_row, a_column, b_kj, b_row, high, deep, add or k > 0)
                    start += vectors * lanes if vectors else PAD

    return SimpleNamespace(panels=panels, multiply_panels=multiply_panels, multiply=multiply)


_built = build(LANES)
panels, multiply_panels, multiply = _built.panels, _built.multiply_panels, _built.multiply
