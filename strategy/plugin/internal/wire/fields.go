package wire

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// fields walks through the fields of one message. It reads what protobuf writes
// and skips what it does not know.
type fields struct {
	rest   []byte
	number protowire.Number
	kind   protowire.Type
	// value is a varint or the bits of a double, bytes a string or a message.
	value uint64
	bytes []byte
	err   error
}

// next reads one field; it returns false at the end and after an error.
func (f *fields) next() bool {
	if len(f.rest) == 0 || f.err != nil {
		return false
	}
	tag := f.varint()
	number := tag >> 3
	if f.err == nil && (number == 0 || number > uint64(protowire.MaxValidNumber)) {
		f.err = fmt.Errorf("field number %d: %w", number, ErrMalformed)
	}
	f.number, f.kind = protowire.Number(number&math.MaxInt32), protowire.Type(tag&7)
	switch f.kind {
	case protowire.VarintType:
		f.value = f.varint()
	case protowire.BytesType:
		size := f.varint()
		if size > uint64(len(f.rest)) {
			f.err = fmt.Errorf("field %d is cut off: %w", f.number, ErrMalformed)
			break
		}
		f.bytes, f.rest = f.rest[:size], f.rest[size:]
	case protowire.Fixed64Type:
		var size int
		f.value, size = protowire.ConsumeFixed64(f.rest)
		f.skip(size)
	default:
		f.skip(protowire.ConsumeFieldValue(f.number, f.kind, f.rest))
	}
	return f.err == nil
}

func (f *fields) skip(size int) {
	if size < 0 {
		f.err = fmt.Errorf("field %d: %w", f.number, ErrMalformed)
		return
	}
	f.rest = f.rest[size:]
}

func (f *fields) varint() uint64 {
	if len(f.rest) > 0 && f.rest[0] < 0x80 {
		v := uint64(f.rest[0])
		f.rest = f.rest[1:]
		return v
	}
	v, size := protowire.ConsumeVarint(f.rest)
	if size < 0 {
		f.err = fmt.Errorf("cut off in a number: %w", ErrMalformed)
		f.rest = nil
		return 0
	}
	f.rest = f.rest[size:]
	return v
}

// is reports whether the field has the number and the type.
func (f *fields) is(number protowire.Number, kind protowire.Type) bool {
	return f.number == number && f.kind == kind
}

// integer returns the value as a number of the type; the number is that of the
// field, for the error.
func integer[T ~int64](f *fields) T { return T(unzigzag(f.value)) }

// small returns the value if it is at most limit; else the walk ends.
func small[T ~uint8](f *fields, what string, limit T) T {
	if f.value > uint64(limit) {
		f.err = fmt.Errorf("%s %d is unknown: %w", what, f.value, ErrMalformed)
		return 0
	}
	return T(f.value)
}

func appendUnsigned(dst []byte, number protowire.Number, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, number, protowire.VarintType), v)
}

func appendInteger[T ~int64](dst []byte, number protowire.Number, v T) []byte {
	return appendUnsigned(dst, number, zigzag(int64(v)))
}

func appendBool(dst []byte, number protowire.Number, v bool) []byte {
	if !v {
		return dst
	}
	return appendUnsigned(dst, number, 1)
}

func appendDouble(dst []byte, number protowire.Number, v float64) []byte {
	if math.Float64bits(v) == 0 {
		return dst
	}
	return protowire.AppendFixed64(protowire.AppendTag(dst, number, protowire.Fixed64Type), math.Float64bits(v))
}

func appendString[T ~string | ~[]byte](dst []byte, number protowire.Number, v T) []byte {
	if len(v) == 0 {
		return dst
	}
	dst = protowire.AppendVarint(protowire.AppendTag(dst, number, protowire.BytesType), uint64(len(v)))
	return append(dst, v...)
}

// openMessage begins a message whose length is not known yet; closeMessage puts
// the length in. One byte is left for it and more are made if they are needed.
func openMessage(dst []byte, number protowire.Number) (out []byte, mark int) {
	dst = protowire.AppendTag(dst, number, protowire.BytesType)
	return append(dst, 0), len(dst) + 1
}

func closeMessage(dst []byte, mark int) []byte {
	size := len(dst) - mark
	if size < 0x80 {
		dst[mark-1] = byte(size)
		return dst
	}
	more := protowire.SizeVarint(uint64(size)) - 1
	for range more {
		dst = append(dst, 0)
	}
	copy(dst[mark+more:], dst[mark:mark+size])
	protowire.AppendVarint(dst[:mark-1], uint64(size))
	return dst
}
