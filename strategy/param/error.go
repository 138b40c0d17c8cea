package param

import "strings"

// Error is one faulty parameter.
type Error struct {
	// Name is the parameter's name; "" if the values as a whole are at fault.
	Name string `json:"name"`
	// Reason completes the sentence that begins with the parameter, such as
	// "must be below Slow average (30)".
	Reason string `json:"reason"`
}

// Error implements error: the name and the reason.
func (e Error) Error() string {
	if e.Name == "" {
		return e.Reason
	}
	return e.Name + " " + e.Reason
}

// Errors are all the faults of a set of values, at least one, in the order of
// the schema's fields; unknown names come last, sorted.
type Errors []Error

// Error implements error: all faults in one line.
func (e Errors) Error() string {
	texts := make([]string, len(e))
	for i, one := range e {
		texts[i] = one.Error()
	}
	return strings.Join(texts, "; ")
}
