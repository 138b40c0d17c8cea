package strategy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// sound returns what is wrong with a strategy itself: it hears nothing, or would lose
// a part of its state in a restart.
func sound(name string, s Strategy) error {
	if !handlesSomething(s) {
		fault := "it needs OnCandle or another handler"
		if t := reflect.TypeOf(s); t != nil && t.Kind() == reflect.Struct {
			fault += "; if these are methods of a pointer to it, return the pointer"
		}
		return fmt.Errorf("strategy %s (%T) handles no event: %s", name, s, fault)
	}
	if field := unsaved(s); field != "" {
		return fmt.Errorf("strategy %s would lose its field %s in a restart: export it "+
			"(with the tag json:\"-\" if it is made anew from the parameters) or implement Snapshotter", name, field)
	}
	return nil
}

// roles are the interfaces that a strategy may implement.
func roles() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[BookHandler](), reflect.TypeFor[CandleHandler](), reflect.TypeFor[FillHandler](), reflect.TypeFor[OrderHandler](),
		reflect.TypeFor[PairHandler](), reflect.TypeFor[SignalHandler](), reflect.TypeFor[StartHandler](), reflect.TypeFor[TradesHandler](),
		reflect.TypeFor[Subscriber](), reflect.TypeFor[Warmer](), reflect.TypeFor[Snapshotter](), reflect.TypeFor[PairTrader](),
	}
}

// unheard returns which method of a strategy has the name of a handler, or looks like
// one, and would never be called.
func unheard(name string, s Strategy) error {
	t := reflect.TypeOf(s)
	if t == nil {
		return nil
	}
	of := map[string][]reflect.Type{} // the roles that have a method
	for _, role := range roles() {
		for m := range role.Methods() {
			of[m.Name] = append(of[m.Name], role)
		}
	}
	for m := range t.Methods() {
		handler := strings.HasPrefix(m.Name, "On") && len(m.Name) > 2 && m.Name[2] >= 'A' && m.Name[2] <= 'Z'
		switch known := of[m.Name]; {
		case len(known) > 0 && !slices.ContainsFunc(known, t.Implements):
			return fmt.Errorf("strategy %s: its method %s is never called, as it is no strategy.%s, which has %s", name, m.Name, known[0].Name(), formOf(known[0]))
		case len(known) == 0 && handler:
			return fmt.Errorf("strategy %s: its method %s is never called: there are %s; give it another name if it is no handler", name, m.Name, handlers(of))
		}
	}
	return nil
}

// handlers lists the names that begin as handlers do.
func handlers(of map[string][]reflect.Type) string {
	var names []string
	for name := range of {
		if strings.HasPrefix(name, "On") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// formOf writes the methods of an interface, such as "OnFill(*strategy.Bot, strategy.Fill)".
func formOf(role reflect.Type) string {
	var forms []string
	for m := range role.Methods() {
		forms = append(forms, m.Name+strings.TrimPrefix(m.Type.String(), "func"))
	}
	return strings.Join(forms, " and ")
}

func handlesSomething(s Strategy) bool {
	switch s.(type) {
	case BookHandler, CandleHandler, FillHandler, OrderHandler, PairHandler, SignalHandler, StartHandler, TradesHandler:
		return true
	}
	return false
}

// unsaved returns the name of a field that a snapshot by JSON would leave out,
// or "".
func unsaved(s Strategy) string {
	if _, ok := s.(Snapshotter); ok {
		return ""
	}
	t := reflect.TypeOf(s)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return ""
	}
	for f := range t.Fields() {
		if !f.IsExported() && !f.Anonymous {
			return f.Name
		}
	}
	return ""
}

// unsavable says which field of a state is why JSON does not take it.
func unsavable(s Strategy, err error) error {
	v := reflect.Indirect(reflect.ValueOf(s))
	if v.Kind() != reflect.Struct {
		return err
	}
	for f := range v.Type().Fields() {
		if !f.IsExported() || f.Tag.Get("json") == "-" {
			continue
		}
		if _, wrong := json.Marshal(v.FieldByIndex(f.Index).Interface()); wrong != nil {
			return fmt.Errorf("its field %s: %w: keep what JSON can hold, give it the tag json:\"-\" if it is made anew from the parameters, "+
				"or implement Snapshotter", f.Name, wrong)
		}
	}
	return err
}
