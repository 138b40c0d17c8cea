package backtest

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/strategy"
)

// ReadSignals reads the signals of a file and returns them oldest first. The
// file holds either
//
//   - JSON lines: {"time": "2025-12-01T09:30:00Z", "body": {"action": "buy"}}, where
//     the body is an object or a text, and "id" may name the signal; or
//   - CSV whose header names the columns time, body and, if wanted, id.
//
// A time is RFC 3339, or milliseconds since the epoch. What has no id is named
// by its line. The error names the line that is wrong.
func ReadSignals(r io.Reader) ([]strategy.Signal, error) {
	in := bufio.NewReader(io.LimitReader(r, 2*maxSignalBytes))
	first, err := firstByte(in)
	if err != nil {
		return nil, err
	}
	var list []strategy.Signal
	if first == '{' {
		list, err = readLines(in)
	} else {
		list, err = readTable(in)
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b strategy.Signal) int { return cmp.Compare(a.Time, b.Time) })
	return list, checkSignals(list)
}

// firstByte looks at the first byte that is no blank line.
func firstByte(in *bufio.Reader) (byte, error) {
	begin, err := in.Peek(in.Size())
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if begin = bytes.TrimLeft(begin, "\r\n"); len(begin) == 0 {
		return 0, errors.New("there is nothing in it")
	}
	return begin[0], nil
}

// readLines reads JSON lines.
func readLines(in *bufio.Reader) ([]strategy.Signal, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16*strategy.MaxSignal)
	var list []strategy.Signal
	number := 0
	for lines.Scan() {
		number++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		var row struct {
			Time json.RawMessage `json:"time"`
			ID   string          `json:"id"`
			Body json.RawMessage `json:"body"`
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&row); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if d.More() {
			return nil, fmt.Errorf("line %d: more follows the signal: one line holds one", number)
		}
		s, err := signalOf(number, unquoted(row.Time), row.ID, unquoted(row.Body))
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", number+1, err)
	}
	return list, nil
}

// unquoted returns the text of a JSON string, and any other value as it stands.
func unquoted(raw json.RawMessage) string {
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// readTable reads CSV.
func readTable(in *bufio.Reader) ([]strategy.Signal, error) {
	rows := csv.NewReader(in)
	header, err := rows.Read()
	if err != nil {
		return nil, err
	}
	columns := map[string]int{"time": -1, "body": -1, "id": -1}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\uFEFF")))
		if at, known := columns[name]; !known || at >= 0 {
			return nil, fmt.Errorf("line 1: the column %q is unknown or there twice: there are time, body and id", name)
		}
		columns[name] = i
	}
	if columns["time"] < 0 || columns["body"] < 0 {
		return nil, errors.New("line 1: the header must name the columns time and body")
	}
	var list []strategy.Signal
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		number, _ := rows.FieldPos(0)
		id := ""
		if columns["id"] >= 0 {
			id = row[columns["id"]]
		}
		s, err := signalOf(number, strings.TrimSpace(row[columns["time"]]), id, row[columns["body"]])
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
}

// signalOf makes the signal of a line.
func signalOf(number int, at, id, body string) (strategy.Signal, error) {
	s := strategy.Signal{ID: cmp.Or(id, "line-"+strconv.Itoa(number)), Text: body}
	if ms, err := strconv.ParseInt(at, 10, 64); err == nil {
		s.Time = ms
	} else if t, err := time.Parse(time.RFC3339, at); err == nil {
		s.Time = t.UnixMilli()
	}
	// Before 1973 lie milliseconds that were meant to be seconds.
	if s.Time < 100_000_000_000 {
		return s, fmt.Errorf("line %d: the time %q must be as 2025-12-01T09:30:00Z, or in milliseconds since the epoch", number, at)
	}
	if body == "" {
		return s, fmt.Errorf("line %d: it has no body", number)
	}
	return s, nil
}
