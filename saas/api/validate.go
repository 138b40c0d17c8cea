package api

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/lunobot/lunobot/saas/errs"
)

// checker checks requests by the validate tags of their types.
type checker struct{ validate *validator.Validate }

func newChecker() *checker {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		for _, tag := range []string{"query", "header", "path"} {
			if name := f.Tag.Get(tag); name != "" {
				return name
			}
		}
		return jsonName(f)
	})
	return &checker{validate: v}
}

// body returns one Invalid error that names every faulty field of a body: those
// that could not be read, those that break its tags, and what its service would
// refuse where these find nothing.
func (c *checker) body(value any, unread []errs.Field, service func() error) error {
	var f errs.Fields
	seen := map[string]bool{}
	add := func(path, reason string) {
		f.Add(path, reason)
		seen[path] = true
	}
	for _, field := range unread {
		add(field.Path, field.Reason)
	}
	for _, fe := range found(c.validate.Struct(value)) {
		_, path, _ := strings.Cut(fe.Namespace(), ".")
		path = "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(path)
		if !within(seen, path) {
			add(path, reason(fe))
		}
	}
	if len(seen) == 0 {
		return nil
	}
	if err := service(); err != nil {
		if errs.KindOf(err) != errs.Invalid {
			return err
		}
		for _, field := range faultyFields(err) {
			f.Check(within(seen, field.Path), field.Path, field.Reason)
		}
	}
	return f.Err()
}

// within reports whether a path, or one above it, is among others.
func within(others map[string]bool, path string) bool {
	for !others[path] {
		if path == "" {
			return false
		}
		path = path[:strings.LastIndexByte(path, '/')]
	}
	return true
}

// parameters returns what is wrong with the parameters of an input.
func (c *checker) parameters(in any) []fault {
	var list []fault
	for _, fe := range found(c.validate.StructExcept(in, "Body")) {
		list = append(list, fault{Parameter: fe.Field(), Detail: reason(fe)})
	}
	return list
}

func found(err error) validator.ValidationErrors {
	var list validator.ValidationErrors
	if err != nil && !errors.As(err, &list) {
		panic(fmt.Sprintf("api: a request type cannot be checked: %v", err)) // a wrong type of ours
	}
	return list
}

// reason says what a failed rule demands.
func reason(fe validator.FieldError) string {
	text := fe.Kind() == reflect.String
	switch rule := fe.Tag(); {
	case rule == "required":
		return "is required"
	case rule == "max" && text:
		return "must have at most " + fe.Param() + " characters"
	case rule == "min" && text:
		return "must have at least " + fe.Param() + " characters"
	case rule == "max":
		return "must be at most " + fe.Param()
	case rule == "min":
		return "must be at least " + fe.Param()
	case rule == "oneof":
		return "must be one of " + strings.Join(strings.Fields(fe.Param()), ", ")
	case rule == "email":
		return "must be an e-mail address"
	}
	return "is not valid: " + fe.Tag()
}
