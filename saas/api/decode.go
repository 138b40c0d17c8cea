package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"

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
// wrong type is Invalid. Every faulty field is named. After an Invalid error the
// value holds the other fields, so that they can be checked too.
func (b *body[T]) decode() error {
	faulty := inspect(b.raw, reflect.TypeFor[T]())
	if faulty != nil && errs.KindOf(faulty) != errs.Invalid {
		return faulty
	}
	raw := json.RawMessage(b.raw)
	if faulty != nil {
		raw = without(raw, faultyFields(faulty))
	}
	if err := json.Unmarshal(raw, &b.Value); err != nil {
		return errs.New(errs.Malformed, "body_malformed", "the body could not be read").Wrap(err)
	}
	return faulty
}

// without returns an inspected body without the faulty fields.
func without(raw json.RawMessage, faulty []errs.Field) json.RawMessage {
	faults, above := map[string]bool{}, map[string]bool{}
	for _, f := range faulty {
		faults[f.Path] = true
		for path := f.Path; path != ""; {
			path = path[:strings.LastIndexByte(path, '/')]
			above[path] = true
		}
	}
	var prune func(raw json.RawMessage, path string) json.RawMessage
	prune = func(raw json.RawMessage, path string) json.RawMessage {
		var members map[string]json.RawMessage
		if faults[path] || json.Unmarshal(raw, &members) != nil {
			return nil // a list with a fault goes as a whole
		}
		for name, value := range members {
			at := path + "/" + escaped(name)
			if !faults[at] && !above[at] {
				continue
			}
			if members[name] = prune(value, at); members[name] == nil {
				delete(members, name)
			}
		}
		raw, err := json.Marshal(members)
		if err != nil {
			return nil
		}
		return raw
	}
	if kept := prune(raw, ""); kept != nil {
		return kept
	}
	return json.RawMessage("null")
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
