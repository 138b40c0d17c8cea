package param

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

const (
	// maxText is the longest text in characters.
	maxText = 4096
	// maxNumber is the longest number in bytes; a decimal has at most
	// maxDigits digits before and after its point, so that nobody makes the
	// host write out a number with a billion zeros.
	maxNumber = 100
	maxDigits = 36
)

var decimalPattern = regexp.MustCompile(`^-?[0-9]*\.?[0-9]+([eE][+-]?[0-9]{1,9})?$`)

// The reasons why a value is not of its type.
const (
	wantBool     = "must be true or false"
	wantInt      = "must be a whole number"
	wantFloat    = "must be a number"
	wantText     = "must be a text"
	wantDecimal  = "must be a number such as 0.25"
	wantDuration = "must be a time span such as 90s, 15m or 4h"
	wantLine     = "must be one line of text without control characters"
	tooLarge     = "is too large a number"
	tooLong      = "is too long"
	notNull      = "must not be null"
)

// A value is a bool, int64, float64, string, decimal.Decimal or time.Duration,
// according to its type.

// parse reads a value from JSON. The reason is "" if it is one of type t.
func parse(t Type, raw json.RawMessage) (value any, reason string) {
	if string(raw) == "null" {
		return nil, notNull
	}
	var text string
	quoted := json.Unmarshal(raw, &text) == nil
	number := len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9')
	switch t {
	case Bool:
		switch string(raw) {
		case "true":
			return true, ""
		case "false":
			return false, ""
		}
		return nil, wantBool
	case Int:
		if !number {
			return nil, wantInt
		}
		return parseInt(string(raw))
	case Float:
		if !number {
			return nil, wantFloat
		}
		return parseFloat(string(raw))
	case Decimal:
		if number {
			text = string(raw)
		} else if !quoted {
			return nil, wantDecimal
		}
		return parseDecimal(text)
	case Duration:
		d, err := time.ParseDuration(text)
		if !quoted || err != nil {
			return nil, wantDuration
		}
		return d, ""
	case Text, Enum:
		if !quoted {
			return nil, wantText
		}
		return parseLine(text)
	}
	return nil, "has a type that is not known here"
}

func parseInt(text string) (any, string) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, ""
	}
	d, reason := parseDecimal(text)
	if reason != "" {
		return nil, reason
	}
	switch whole := d.(decimal.Decimal); {
	case !whole.IsInteger():
		return nil, wantInt
	case !whole.BigInt().IsInt64():
		return nil, tooLarge
	default:
		return whole.IntPart(), ""
	}
}

func parseFloat(text string) (any, string) {
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case math.IsInf(f, 0):
		return nil, tooLarge
	case err != nil:
		return nil, wantFloat
	}
	return f, ""
}

func parseDecimal(text string) (any, string) {
	if len(text) > maxNumber {
		return nil, tooLong
	}
	if !decimalPattern.MatchString(text) {
		return nil, wantDecimal
	}
	d, err := decimal.NewFromString(text)
	if err != nil { // the pattern leaves only exponents that decimal refuses
		return nil, "has too large an exponent"
	}
	if d.IsZero() {
		return decimal.Zero, ""
	}
	if d.Exponent() < -maxDigits {
		return nil, "has too many decimals"
	}
	if d.NumDigits()+int(d.Exponent()) > maxDigits {
		return nil, tooLarge
	}
	return d, ""
}

func parseLine(text string) (any, string) {
	if utf8.RuneCountInString(text) > maxText {
		return nil, tooLong
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return nil, wantLine
	}
	return text, ""
}

// format writes a value as text: in rules, reasons and, quoted where its type
// is a string there, in JSON.
func format(value any) string {
	switch v := value.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		text, _ := json.Marshal(v) // never fails: values are finite
		return string(text)
	case decimal.Decimal:
		return v.String()
	case time.Duration:
		return formatDuration(v)
	case string:
		return v
	}
	return ""
}

// formatDuration is Duration.String without the trailing zero parts.
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// encode writes a value as JSON.
func encode(value any) json.RawMessage {
	switch value.(type) {
	case string, decimal.Decimal, time.Duration:
		raw, _ := json.Marshal(format(value)) // never fails: a string
		return raw
	}
	return json.RawMessage(format(value))
}

// fromText turns the text of a form control or a command line into JSON. A text
// that is not of the type becomes a JSON string, which parse then explains.
func fromText(t Type, text string) json.RawMessage {
	asText := func() json.RawMessage {
		raw, _ := json.Marshal(text) // never fails: a string
		return raw
	}
	if t == Text || t == Enum {
		return asText()
	}
	text = strings.TrimSpace(text)
	switch t {
	case Bool:
		switch strings.ToLower(text) {
		case "true", "on", "yes", "1":
			return encode(true)
		case "false", "off", "no", "0":
			return encode(false)
		}
	case Int, Float:
		if decimalPattern.MatchString(text) {
			if json.Valid([]byte(text)) {
				return json.RawMessage(text)
			}
			if v, reason := parseFloat(text); reason == "" {
				return encode(v)
			}
		}
	default: // exact decimals and durations travel as text
	}
	return asText()
}
