package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lunobot/lunobot/saas/errs"
)

// maxDepth is how deep a body may be nested.
const maxDepth = 32

// inspector walks through a body beside the type that it is for. The decoder of
// the standard library alone takes Name for name, the last of two equal names,
// and broken UTF-8, and it stops at the first fault.
type inspector struct {
	raw     []byte
	dec     *json.Decoder
	unknown errs.Fields
	wrong   errs.Fields
}

// inspect returns what is wrong with a body for a type.
func inspect(raw []byte, t reflect.Type) error {
	if !utf8.Valid(raw) {
		return errs.New(errs.Malformed, "body_malformed", "the body is not UTF-8")
	}
	i := &inspector{raw: raw, dec: json.NewDecoder(bytes.NewReader(raw))}
	i.dec.UseNumber()
	err := i.value(t, "", 0)
	if err == nil {
		if _, more := i.dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the end of the value")
		}
	}
	if err != nil {
		return errs.New(errs.Malformed, "body_malformed", "the body is not valid JSON: %s, at byte %d",
			strings.TrimPrefix(err.Error(), "json: "), i.dec.InputOffset())
	}
	var unknown *errs.Error
	if errors.As(i.unknown.Err(), &unknown) {
		unknown.Kind, unknown.Code = errs.Malformed, "unknown_field"
		unknown.Message = "the body holds fields that are not known here"
		return unknown
	}
	return i.wrong.Err()
}

// value walks through one value for a type; nil takes everything.
func (i *inspector) value(t reflect.Type, path string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("it is nested deeper than %d", maxDepth)
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var own json.Unmarshaler // a type that reads its own JSON
	if t != nil {
		var ok bool
		if own, ok = reflect.New(t).Interface().(json.Unmarshaler); ok {
			t = nil
		}
	}
	start := i.dec.InputOffset()
	token, err := i.dec.Token()
	if err != nil {
		return early(err)
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			err = i.object(t, path, depth)
		} else {
			err = i.array(t, path, depth)
		}
	case string:
		if strings.ContainsRune(token, 0) {
			i.wrong.Add(path, "must not hold the character NUL")
			return nil
		}
		i.wrong.Check(t == nil || t.Kind() == reflect.String, path, "must be "+inWords(t))
	case json.Number:
		i.wrong.Check(t == nil || isNumber(token, t), path, "must be "+inWords(t))
	case bool:
		i.wrong.Check(t == nil || t.Kind() == reflect.Bool, path, "must be "+inWords(t))
	}
	if err != nil || own == nil || token == nil {
		return err
	}
	text := bytes.TrimLeft(i.raw[start:i.dec.InputOffset()], " \t\r\n:,")
	if err := own.UnmarshalJSON(text); err != nil {
		i.wrong.Add(path, err.Error())
	}
	return nil
}

func (i *inspector) object(t reflect.Type, path string, depth int) error {
	var fields map[string]reflect.Type
	if t != nil && t.Kind() == reflect.Struct {
		fields = fieldsOf(t)
	} else if t != nil {
		i.wrong.Add(path, "must be "+inWords(t))
		t = nil
	}
	seen := map[string]bool{}
	for i.dec.More() {
		token, err := i.dec.Token()
		if err != nil {
			return early(err)
		}
		name, _ := token.(string)
		at := path + "/" + escaped(name)
		if seen[name] {
			return fmt.Errorf("the name %q is given twice", name)
		}
		seen[name] = true
		field, known := fields[name]
		if t != nil && !known {
			i.unknown.Add(at, "is not known here")
		}
		if strings.ContainsRune(name, 0) {
			i.wrong.Add(path, "must not hold names with the character NUL")
		}
		if err := i.value(field, at, depth+1); err != nil {
			return err
		}
	}
	_, err := i.dec.Token()
	return early(err)
}

// escaped writes a name as a part of a JSON pointer.
func escaped(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

func (i *inspector) array(t reflect.Type, path string, depth int) error {
	var item reflect.Type
	if t != nil && t.Kind() == reflect.Slice {
		item = t.Elem()
	} else if t != nil {
		i.wrong.Add(path, "must be "+inWords(t))
	}
	for n := 0; i.dec.More(); n++ {
		if err := i.value(item, path+"/"+strconv.Itoa(n), depth+1); err != nil {
			return err
		}
	}
	_, err := i.dec.Token()
	return early(err)
}

// early tells an end in the middle of a value from the end of a text.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("it ends too early")
	}
	return err
}

// fieldsOf returns the fields of a struct by their names in JSON.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for f := range t.Fields() {
		if name := jsonName(f); name != "" {
			fields[name] = f.Type
		}
	}
	return fields
}

// jsonName returns a field's name in JSON, or "" if it has none there.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case !f.IsExported() || name == "-":
		return ""
	case name == "":
		return f.Name
	}
	return name
}

func isNumber(n json.Number, t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		_, err := strconv.ParseInt(n.String(), 10, 64)
		return err == nil
	case reflect.Uint64:
		_, err := strconv.ParseUint(n.String(), 10, 64)
		return err == nil
	case reflect.Float64:
		_, err := n.Float64()
		return err == nil
	default:
		return false
	}
}

// inWords names the JSON of a type in a sentence.
func inWords(t reflect.Type) string {
	if t == nil {
		return "anything"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number from 0"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	default:
		return "an object"
	}
}
