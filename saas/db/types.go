package db

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Timestamp is an instant as both databases store it: a BIGINT of microseconds
// since the epoch, UTC. The zero time is stored as NULL.
type Timestamp struct{ time.Time }

// At returns t as a Timestamp, cut to microseconds.
func At(t time.Time) Timestamp {
	if t.IsZero() {
		return Timestamp{}
	}
	return Timestamp{time.UnixMicro(t.UnixMicro()).UTC()}
}

// Value implements driver.Valuer.
func (t Timestamp) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil
	}
	return t.UnixMicro(), nil
}

// Scan implements sql.Scanner.
func (t *Timestamp) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		t.Time = time.Time{}
	case int64:
		t.Time = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("db: a timestamp column holds a %T", src)
	}
	return nil
}
