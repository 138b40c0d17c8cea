package param

import (
	"encoding/json"
	"net/url"
)

// FromTexts turns texts by name, such as those of a command line, into the JSON
// object that Validate and Decode read. A text that is no value of its
// parameter, and an unknown name, are kept as strings, so that the check that
// must follow explains them.
func (s *Schema) FromTexts(texts map[string]string) json.RawMessage {
	object := make(map[string]json.RawMessage, len(texts))
	for name, text := range texts {
		t := Text
		if f, ok := s.Field(name); ok {
			t = f.Type
		}
		object[name] = fromText(t, text)
	}
	raw, _ := json.Marshal(object) // never fails: the members are valid JSON
	return raw
}

// FromForm is FromTexts for a submitted form: a checkbox that is absent is not
// ticked, and names that are no parameters are left out, because a form has
// other fields too. Of repeated names the last counts, which lets a hidden
// field precede a checkbox.
func (s *Schema) FromForm(form url.Values) json.RawMessage {
	texts := make(map[string]string, len(s.fields))
	for _, f := range s.fields {
		if given := form[f.Name]; len(given) > 0 {
			texts[f.Name] = given[len(given)-1]
		} else if f.Type == Bool {
			texts[f.Name] = "false"
		}
	}
	return s.FromTexts(texts)
}
