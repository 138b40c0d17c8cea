package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/shopspring/decimal"
)

// write appends a number as an exact decimal.
func (f place) write(dst []byte, v parquet.Value) ([]byte, error) {
	switch f.kind {
	case parquet.Int32:
		return f.scaled(dst, int64(v.Int32())), nil
	case parquet.Int64:
		return f.scaled(dst, v.Int64()), nil
	case parquet.Float:
		return shortest(dst, float64(v.Float()), 32), nil
	case parquet.Double:
		return shortest(dst, v.Double(), 64), nil
	case parquet.ByteArray, parquet.FixedLenByteArray:
		raw := v.ByteArray()
		switch {
		case len(raw) > maxText:
			return nil, errors.New("the value is too long for a number")
		case f.decimal:
			return append(dst, decimal.NewFromBigInt(signed(raw), -f.scale).String()...), nil
		}
		return append(dst, raw...), nil
	default:
		return nil, fmt.Errorf("a number cannot be of type %s", f.kind)
	}
}

// scaled appends a whole number of the column's last decimal.
func (f place) scaled(dst []byte, n int64) []byte {
	scale := f.scale
	for scale > 0 && n%10 == 0 {
		n, scale = n/10, scale-1
	}
	if n < 0 || scale < 0 {
		return append(dst, decimal.New(n, -scale).String()...)
	}
	begin := len(dst)
	dst = strconv.AppendInt(dst, n, 10)
	if scale == 0 {
		return dst
	}
	for len(dst)-begin <= int(scale) {
		dst = slices.Insert(dst, begin, '0')
	}
	return slices.Insert(dst, len(dst)-int(scale), '.')
}

// shortest appends the shortest decimal that is read as the same float; one that
// is very large or small has an exponent.
func shortest(dst []byte, f float64, bits int) []byte {
	form := byte('f')
	if size := math.Abs(f); size >= 1e18 || size < 1e-18 && size > 0 {
		form = 'e'
	}
	return strconv.AppendFloat(dst, f, form, -1, bits)
}

// signed reads a whole number in two's complement, the highest byte first.
func signed(raw []byte) *big.Int {
	if len(raw) <= 8 {
		var wide [8]byte
		if len(raw) > 0 && raw[0]&0x80 != 0 {
			for i := range wide {
				wide[i] = 0xff
			}
		}
		copy(wide[8-len(raw):], raw)
		return big.NewInt(int64(binary.BigEndian.Uint64(wide[:])))
	}
	n := new(big.Int).SetBytes(raw)
	if raw[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
	}
	return n
}
