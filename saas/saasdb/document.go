package saasdb

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
)

// document is a column that holds a value as JSON text.
type document[T any] struct{ value T }

// Value implements driver.Valuer.
func (d document[T]) Value() (driver.Value, error) {
	raw, err := json.Marshal(d.value)
	if err != nil {
		return nil, fmt.Errorf("encoding a %T: %w", d.value, err)
	}
	return string(raw), nil
}

// Scan implements sql.Scanner.
func (d *document[T]) Scan(src any) error {
	var raw []byte
	switch v := src.(type) {
	case string:
		raw = []byte(v)
	case []byte:
		raw = v
	default:
		return fmt.Errorf("a column of JSON holds a %T", src)
	}
	if err := json.Unmarshal(raw, &d.value); err != nil {
		return fmt.Errorf("decoding a %T: %w", d.value, err)
	}
	return nil
}
