package billing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/lunobot/lunobot/saas/errs"
)

// ReadCatalog reads a catalog in YAML: one key, plans, with a list of plans
// whose keys are the JSON names of Plan; a price is written 29.99 USD and a
// limit is a number or the word unlimited. What cannot be read is a Malformed
// error; unknown keys and bad values are an Invalid error that names each with
// its line.
func ReadCatalog(r io.Reader) (*Catalog, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading the plan catalog: %w", err)
	}
	var doc catalogFile
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, readProblem(err)
	}
	c, err := NewCatalog(doc.Plans...)
	if err != nil {
		return nil, withLines(err, raw)
	}
	return c, nil
}

// catalogFile is the whole of the file.
type catalogFile struct {
	Plans []Plan `yaml:"plans"`
}

// readProblem turns what the decoder says into an error for operators.
func readProblem(err error) error {
	var typed *yaml.TypeError
	if !errors.As(err, &typed) {
		return errs.New(errs.Malformed, "catalog_malformed", "the plan catalog cannot be read: %s",
			strings.TrimPrefix(err.Error(), "yaml: "))
	}
	unknown := regexp.MustCompile(`^field (\S+) not found in type \S+$`)
	twice := regexp.MustCompile(`^(?:mapping key|field) "?([^" ]+)"? already (?:defined|set in type).*$`)
	mismatch := regexp.MustCompile("^cannot unmarshal \\S+ (?:`(.*)` )?into (\\S+)$")
	var faults errs.Fields
	for _, problem := range typed.Errors {
		where, what, ok := strings.Cut(problem, ": ")
		if !ok {
			where, what = "plans", problem
		}
		what = unknown.ReplaceAllString(what, `has the unknown key "$1"`)
		what = twice.ReplaceAllString(what, `has the key "$1" twice`)
		if m := mismatch.FindStringSubmatch(what); m != nil {
			what = fmt.Sprintf("holds %q where %s belongs", m[1], words(m[2]))
			if m[1] == "" {
				what = "must be " + words(m[2])
			}
		}
		faults.Add(where, what)
	}
	return faults.Err()
}

// words names a Go type for somebody who writes YAML.
func words(goType string) string {
	switch {
	case goType == "int":
		return "a whole number"
	case goType == "bool":
		return "true or false"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "map["), goType == "billing.Plan", goType == "billing.Entitlements", goType == "billing.catalogFile":
		return "a block of keys"
	}
	return "a text"
}

// withLines adds to each faulty field the line of the file that it stands on.
func withLines(err error, raw []byte) error {
	var e *errs.Error
	var doc yaml.Node
	if !errors.As(err, &e) || yaml.Unmarshal(raw, &doc) != nil || len(doc.Content) == 0 {
		return err
	}
	var faults errs.Fields
	for _, f := range e.Fields {
		faults.Add(f.Path, fmt.Sprintf("(line %d) %s", lineOf(doc.Content[0], f.Path), f.Reason))
	}
	return faults.Err()
}

// lineOf follows a JSON pointer as far as the file goes along with it.
func lineOf(node *yaml.Node, pointer string) int {
	line := max(node.Line, 1)
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		var next *yaml.Node
		switch node.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(node.Content); i += 2 {
				if node.Content[i].Value == step {
					line, next = node.Content[i].Line, node.Content[i+1]
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(step); err == nil && i < len(node.Content) {
				next = node.Content[i]
				line = next.Line
			}
		}
		if next == nil {
			return line
		}
		node = next
	}
	return line
}
