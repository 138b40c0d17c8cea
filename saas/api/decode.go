package api

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lunobot/lunobot/saas/errs"
)

// body is a request's body of type T. The router fills in the bytes, and decode
// makes the value of them.
type body[T any] struct {
	raw   []byte
	Value T
}

// Schema gives the document the schema of the value.
func (b *body[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

func (b *body[T]) keep(raw []byte) { b.raw = bytes.Clone(raw) }

// decode reads the value strictly. Text that is not JSON, a name that is given
// twice, and a field that the type does not know are Malformed; a value of the
// wrong type is Invalid. Every faulty field is named.
func (b *body[T]) decode() error {
	if err := inspect(b.raw, reflect.TypeFor[T]()); err != nil {
		return err
	}
	if err := json.Unmarshal(b.raw, &b.Value); err != nil {
		return errs.New(errs.Malformed, "body_malformed", "the body could not be read").Wrap(err)
	}
	return nil
}

func (b *body[T]) value() any { return b.Value }

func (b *body[T]) valueType() reflect.Type { return reflect.TypeFor[T]() }

// decoder is a body of whatever type.
type decoder interface {
	keep(raw []byte)
	decode() error
	value() any
	valueType() reflect.Type
}
