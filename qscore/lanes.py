"""What the loop of the score does to many directions, or points, at once: written in vector instructions.

No loop in Python makes the compiler work side by side on sixteen directions, or on
eight points; LLVM cuts what is written here to the width of the machine. Each
function is given twice: its text, which runs without compilation and says what it
does, and the instructions, which run otherwise.
"""

import math
from functools import reduce

from numba.core import cgutils, types
from numba.extending import intrinsic, overload

from qscore.compiled import features

ir = cgutils.ir

LANES = 32  # directions in a chunk
_WHOLE, _REAL = ir.IntType(64), ir.DoubleType()
_EIGHT, _SIXTEEN = ir.VectorType(ir.DoubleType(), 8), ir.VectorType(ir.FloatType(), 16)
_EIGHT_SINGLE = ir.VectorType(ir.FloatType(), 8)
_FUSED = {"flags": ["contract"]}


def _packs():
    """Whether this machine packs the numbers of a vector that are wanted; it then has thirty-two wide registers."""
    return "+avx512f" in features().split(",")


def _whole(n):
    return ir.Constant(_WHOLE, n)


class _Writer:
    """Writes the instructions of one function."""

    def __init__(self, context, builder, signature, arguments):
        self.context, self.builder, self.types, self.arguments = context, builder, signature.args, arguments

    def start(self, argument, row=None):
        """Address of the first element of an array, or of a row of one in two dimensions."""
        array = self.context.make_array(self.types[argument])(self.context, self.builder, self.arguments[argument])
        if row is None:
            return array.data
        return self.after(array.data, self.builder.mul(row, self.builder.extract_value(array.shape, 1)))

    def after(self, address, count, size=1):
        """The address `count` times `size` elements further on."""
        return self.builder.gep(address, [self.builder.mul(count, _whole(size))])

    def load(self, address, kind=_EIGHT, align=8):
        """The numbers from an address on."""
        return self.builder.load(self.builder.bitcast(address, kind.as_pointer()), align=align)

    def store(self, numbers, address, align=8):
        """Write numbers from an address on."""
        self.builder.store(numbers, self.builder.bitcast(address, numbers.type.as_pointer()), align=align)

    def same(self, one, kind=_EIGHT):
        """One number in all places."""
        nothing = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(nothing, one, ir.Constant(ir.IntType(32), 0))
        places = ir.VectorType(ir.IntType(32), kind.count)
        return self.builder.shuffle_vector(first, nothing, ir.Constant(places, [0] * kind.count))

    def call(self, name, *arguments):
        """An instruction of LLVM, whose result is like its first argument."""
        kind = ir.FunctionType(arguments[0].type, [one.type for one in arguments])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)

    def greater(self, one, other):
        """The greater of two numbers; the other where one is not a number."""
        return self.builder.select(self.builder.fcmp_ordered(">", one, other), one, other)

    def between(self, t, a, b):
        """Linear interpolation, a + t (b - a)."""
        return self.builder.fadd(a, self.builder.fmul(t, self.builder.fsub(b, a)))

    def choosing(self, bits):
        """How those of eight numbers whose bits are set are written one after the other, and what that must know."""
        if _packs():
            kept = self.builder.trunc(bits, ir.IntType(8))
            return self._packed, self.builder.bitcast(kept, ir.VectorType(ir.IntType(1), 8))
        places = [_whole(0)]
        for lane in range(7):
            wanted = self.builder.and_(self.builder.lshr(bits, _whole(lane)), _whole(1))
            places.append(self.builder.add(places[-1], wanted))
        return self._strewn, places

    def _packed(self, numbers, address, kept):
        nothing = ir.Constant(_EIGHT, ir.Undefined)
        self.store(self.call("llvm.experimental.vector.compress.v8f64", numbers, kept, nothing), address)

    def _strewn(self, numbers, address, places):
        """Each is written, and overwritten by the next where it is not wanted."""
        for lane, place in enumerate(places):
            one = self.builder.extract_element(numbers, ir.Constant(ir.IntType(32), lane))
            self.store(one, self.after(address, place))

    def fours(self, address):
        """Of eight times four float32 from an address on, the first, the second, the third and the fourth ones."""
        halves = [self.load(self.after(address, _whole(n)), _SIXTEEN, align=16) for n in (0, 16)]
        places = ir.VectorType(ir.IntType(32), 8)
        which = (ir.Constant(places, list(range(first, 32, 4))) for first in range(4))
        return [self.builder.fpext(self.builder.shuffle_vector(*halves, one), _EIGHT) for one in which]


def free(lanes, chunk, wide, near, count, twice, limit, guard):
    """Bits of the directions of a chunk, or its first half: low, those free of neighbours; 32 higher, perhaps free.

    A direction u is free of the `count` neighbours b when the greatest 2R u·b - |b|²
    is no more than `limit`; `guard` is what single precision may add to that.
    `twice` is 2R; `near` holds b and |b|², and one more neighbour, out of reach.
    """
    surely, perhaps = 0, 0
    for lane in range(LANES if wide else LANES // 2):
        x, y, z, most = lanes[chunk, :, lane]
        for m in range(count):
            most = max(most, twice * (near[m, 0] * x + near[m, 1] * y + near[m, 2] * z) - near[m, 3])
        surely |= int(most < limit - guard) << lane
        perhaps |= int(most <= limit + guard) << lane
    return perhaps << 32 | surely


def _test(writer, halves, chunk, pairs):
    """Bits of the sixteens `halves` of the chunk at an address, by neighbours two and two, as `free` tells them."""
    build, (twice, limit, guard) = writer.builder, writer.arguments[5:]
    planes = [
        [writer.load(writer.after(chunk, _whole(LANES * n + 16 * half)), _SIXTEEN, align=4) for n in range(4)]
        for half in halves
    ]
    ways = [[build.fmul(writer.same(twice, _SIXTEEN), way) for way in plane[:3]] for plane in planes]
    most = [[cgutils.alloca_once_value(build, plane[3]) for plane in planes] for _ in (0, 1)]
    with cgutils.for_range(build, pairs) as loop:
        for one in (0, 1):
            row = writer.after(writer.after(writer.start(3), loop.index, 8), _whole(4 * one))
            b = [writer.same(build.load(writer.after(row, _whole(n))), _SIXTEEN) for n in range(4)]
            for way, greatest in zip(ways, most[one], strict=True):
                beyond = build.fsub(build.fmul(b[0], way[0], **_FUSED), b[3], **_FUSED)
                for axis in (1, 2):
                    beyond = build.fadd(build.fmul(b[axis], way[axis], **_FUSED), beyond, **_FUSED)
                build.store(writer.greater(beyond, build.load(greatest)), greatest)
    bits = _whole(0)
    low = writer.same(build.fsub(limit, guard), _SIXTEEN)
    high = writer.same(build.fadd(limit, guard), _SIXTEEN)
    for half, first, second in zip(halves, *most, strict=True):
        found = writer.greater(build.load(first), build.load(second))
        for place, told in ((0, build.fcmp_ordered("<", found, low)), (32, build.fcmp_ordered("<=", found, high))):
            told = build.zext(build.bitcast(told, ir.IntType(16)), _WHOLE)
            bits = build.or_(bits, build.shl(told, _whole(place + 16 * half)))
    return bits


@intrinsic
def _free(_, lanes, chunk, wide, near, count, twice, limit, guard):
    def _write(context, builder, signature, arguments):
        writer, result = _Writer(context, builder, signature, arguments), cgutils.alloca_once(builder, _WHOLE)
        first = writer.after(writer.start(0), arguments[1], 4 * LANES)
        pairs = builder.lshr(builder.add(arguments[4], _whole(1)), _whole(1))
        with builder.if_else(builder.icmp_signed("!=", arguments[2], _whole(0))) as (both, one):
            with both:  # at a time as many as the registers hold
                told = [_test(writer, halves, first, pairs) for halves in (((0, 1),) if _packs() else ((0,), (1,)))]
                builder.store(reduce(builder.or_, told), result)
            with one:
                builder.store(_test(writer, (0,), first, pairs), result)
        return builder.load(result)

    whole, single = types.int64, types.float32
    return types.int64(lanes, whole, whole, near, whole, single, single, single), _write


@overload(free)
def _free_compiled(lanes, chunk, wide, near, count, twice, limit, guard):
    return lambda lanes, chunk, wide, near, count, twice, limit, guard: _free(
        lanes, chunk, wide, near, count, twice, limit, guard
    )


def ones(bits):
    """How many bits are set."""
    return int(bits).bit_count()


@intrinsic
def _ones(_, bits):
    return types.int64(types.int64), lambda context, builder, signature, arguments: builder.ctpop(arguments[0])


@overload(ones)
def _ones_compiled(bits):
    return lambda bits: _ones(bits)


def put(ways, chunk, lane, bits, radius, x, y, z, place):
    """Offsets R u of those of eight directions, from `lane` of a chunk on, whose bits are set, from `place` on.

    `radius` (3,) is R along x, y, z. The places up to the eighth are spoilt.
    """
    kept = [k for k in range(8) if bits >> k & 1]
    for axis, offsets in enumerate((x, y, z)):
        offsets[place : place + len(kept)] = radius[axis] * ways[chunk, axis, lane : lane + 8][kept]


@intrinsic
def _put(_, ways, chunk, lane, bits, radius, x, y, z, place):
    def _write(context, builder, signature, arguments):
        writer = _Writer(context, builder, signature, arguments)
        first = writer.after(writer.after(writer.start(0), arguments[1], 3 * LANES), arguments[2])
        write, wanted = writer.choosing(arguments[3])
        for axis in range(3):
            way = writer.load(writer.after(first, _whole(LANES * axis)))
            offsets = builder.fmul(writer.same(builder.extract_value(arguments[4], axis)), way)
            write(offsets, writer.after(writer.start(5 + axis), arguments[8]), wanted)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(ways, whole, whole, whole, radius, x, y, z, whole), _write


@overload(put)
def _put_compiled(ways, chunk, lane, bits, radius, x, y, z, place):
    return lambda ways, chunk, lane, bits, radius, x, y, z, place: _put(ways, chunk, lane, bits, radius, x, y, z, place)


def fetch(line, place, row, faces, face, point):
    """Copy the values at a place of a line and the one after, and those a row further, to a point's of a face."""
    faces[face, 4 * point : 4 * point + 4] = *line[place : place + 2], *line[place + row : place + row + 2]


@intrinsic
def _fetch(_, line, place, row, faces, face, point):
    def _write(context, builder, signature, arguments):
        writer, two = _Writer(context, builder, signature, arguments), ir.VectorType(_WHOLE, 2)
        here = writer.after(writer.start(0), arguments[1])
        four = ir.Constant(two, ir.Undefined)
        for n, address in enumerate((here, writer.after(here, arguments[2]))):
            four = builder.insert_element(four, writer.load(address, _WHOLE, align=4), ir.Constant(ir.IntType(32), n))
        writer.store(four, writer.after(writer.start(3, arguments[4]), arguments[5], 4), align=16)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(line, whole, whole, faces, whole, whole), _write


@overload(fetch)
def _fetch_compiled(line, place, row, faces, face, point):
    return lambda line, place, row, faces, face, point: _fetch(line, place, row, faces, face, point)


def interpolate(faces, fx, fy, fz, x, y, z, value, place):
    """Trilinear values of eight points from `place` on, at x, y, z beside `fx`, `fy`, `fz`, between their `faces`."""
    for p in range(place, place + 8):
        point = fx + x[p], fy + y[p], fz + z[p]
        v = [float(one) for face in faces for one in face[4 * p : 4 * p + 4]]
        for t in (c - math.floor(c) for c in point):
            v = [a + t * (b - a) for a, b in zip(v[::2], v[1::2], strict=True)]
        value[p] = v[0]


@intrinsic
def _interpolate(_, faces, fx, fy, fz, x, y, z, value, place):
    def _write(context, builder, signature, arguments):
        writer, t = _Writer(context, builder, signature, arguments), []
        place = arguments[8]
        for centre, offsets in ((1, 4), (2, 5), (3, 6)):
            offset = writer.load(writer.after(writer.start(offsets), place))
            point = builder.fadd(writer.same(arguments[centre]), offset)
            t.append(builder.fsub(point, writer.call("llvm.floor.v8f64", point)))
        sides = []
        for face in (0, 1):
            v = writer.fours(writer.after(writer.start(0, _whole(face)), place, 4))
            sides.append(writer.between(t[1], writer.between(t[0], *v[:2]), writer.between(t[0], *v[2:])))
        writer.store(writer.between(t[2], *sides), writer.after(writer.start(7), place))
        return context.get_dummy_value()

    real = types.float64
    return types.void(faces, real, real, real, x, y, z, value, types.int64), _write


@overload(interpolate)
def _interpolate_compiled(faces, fx, fy, fz, x, y, z, value, place):
    return lambda faces, fx, fy, fz, x, y, z, value, place: _interpolate(faces, fx, fy, fz, x, y, z, value, place)


def add(row, to, table, heights, along, at, left):
    """Add the sum of `heights` (5) times the rows of a table, places `at` on, to eight points of a row from `to` on.

    To those of which `along`, at the same places, is at most `left`.
    """
    for n in range(8):
        if along[at + n] <= left:
            row[to + n] += sum(height * line[at + n] for height, line in zip(heights, table, strict=True))


@intrinsic
def _add(_, row, to, table, heights, along, at, left):
    def _write(context, builder, signature, arguments):
        writer, terms = _Writer(context, builder, signature, arguments), []
        for n in range(5):
            line = writer.load(writer.after(writer.start(2, _whole(n)), arguments[5]), _EIGHT_SINGLE, align=4)
            height = writer.same(builder.extract_value(arguments[3], n), _EIGHT_SINGLE)
            terms.append(builder.fmul(height, line))
        far = writer.load(writer.after(writer.start(4), arguments[5]), _EIGHT_SINGLE, align=4)
        near = builder.fcmp_ordered("<=", far, writer.same(arguments[6], _EIGHT_SINGLE))
        more = builder.select(near, reduce(builder.fadd, terms), ir.Constant(_EIGHT_SINGLE, [0.0] * 8))
        place = writer.after(writer.start(0), arguments[1])
        writer.store(builder.fadd(writer.load(place, _EIGHT_SINGLE, align=4), more), place, align=4)
        return context.get_dummy_value()

    whole, single = types.int64, types.float32
    return types.void(row, whole, table, types.UniTuple(single, 5), along, whole, single), _write


@overload(add)
def _add_compiled(row, to, table, heights, along, at, left):
    return lambda row, to, table, heights, along, at, left: _add(row, to, table, heights, along, at, left)
