package errs

// Fields collects the faulty fields of one input, so that a caller hears of
// all of them at once. The zero value is ready to use.
type Fields struct{ list []Field }

// Add notes that the field at the JSON pointer path is faulty, and why.
func (f *Fields) Add(path, reason string) {
	f.list = append(f.list, Field{Path: path, Reason: reason})
}

// Check notes the field as faulty unless ok.
func (f *Fields) Check(ok bool, path, reason string) {
	if !ok {
		f.Add(path, reason)
	}
}

// Err returns nil if no field is faulty, else one Invalid error that names
// them all.
func (f *Fields) Err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Code: "invalid_input", Message: "some fields are not valid", Fields: f.list}
}
