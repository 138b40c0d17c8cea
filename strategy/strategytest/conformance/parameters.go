package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// hostileCandles is how many candles a strategy with strange parameters sees.
const hostileCandles = 60

// checkParameters gives a strategy what tenants may send: what its schema
// refuses it must refuse too, naming the fault, and with the rest, however odd,
// it must work.
func checkParameters(ctx context.Context, cfg Config) (note string, err error) {
	err = with(ctx, cfg.Start, func(s Subject) error {
		schema, checks := s.Manifest().Schema, s.Manifest().Can(plugin.Checks)
		taken, refused := 0, 0
		for _, params := range hostileParameters(schema) {
			in := openInput(nil)
			in.Params = params
			bot, err := openOne(ctx, s, in)
			_, bad := schema.Validate(params)
			switch {
			case bad != nil && err == nil:
				return fmt.Errorf("it takes %s, which its schema refuses: %w", short(params), bad)
			case bad != nil && !faulty(err):
				return fmt.Errorf("it does not name the fault of %s: %w", short(params), err)
			case bad == nil && err != nil && !(checks && faulty(err)):
				return fmt.Errorf("it does not open with %s: %w: bound the parameter, or refuse it in Check", short(params), err)
			case err != nil:
				refused++
				continue
			}
			if err := suffer(ctx, s, bot); err != nil {
				return fmt.Errorf("with %s: %w", short(params), err)
			}
			taken++
		}
		note = fmt.Sprintf("%d taken, %d refused", taken, refused)
		return nil
	})
	return note, err
}

// suffer lets a bot hear some candles and forgets it.
func suffer(ctx context.Context, s Subject, bot Opened) error {
	t, err := newTrader(ctx, s, bot)
	if err != nil {
		return err
	}
	for i := range hostileCandles {
		if _, err := t.Candle(waves().candle(i)); err != nil {
			return fmt.Errorf("candle %d: %w", i, err)
		}
	}
	return s.Close(ctx, []uint64{bot.Bot})
}

// hostileParameters returns sets of parameters that somebody might send.
func hostileParameters(schema *param.Schema) []json.RawMessage {
	list := []json.RawMessage{
		[]byte(`{}`), []byte(`[]`), []byte(`{`), []byte(`"x"`), []byte(`7`), []byte(`null`), []byte("{\"\xff\":1}"), []byte(`{"":1}`),
		[]byte(`{"no_such_parameter":1}`), []byte(`{"no_such_parameter":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`),
		[]byte(`{"no_such_parameter":"` + strings.Repeat("x", 1<<20) + `"}`),
	}
	for _, f := range schema.Fields() {
		for _, value := range hostileValues(f) {
			list = append(list, fmt.Appendf(nil, "{%q:%s}", f.Name, value))
		}
		list = append(list, fmt.Appendf(nil, "{%q:%s,%q:%s}", f.Name, f.Default, f.Name, f.Default))
	}
	return list
}

// hostileValues returns values of a parameter: of wrong types, and of the right
// one the edges and what lies beyond them.
func hostileValues(f param.Field) []string {
	values := []string{`null`, `{}`, `[]`, `true`, `""`, `"x"`, `0`, `-1`, `1.5`, `1e400`, `NaN`, `"NaN"`, `"` + strings.Repeat("y", 5000) + `"`}
	for _, o := range f.Options {
		values = append(values, strconv.Quote(o.Value), o.Value)
	}
	switch f.Type {
	case param.Int:
		values = append(values, beyond(f, 1)...)
		values = append(values, strconv.Itoa(math.MaxInt64), strconv.Itoa(math.MinInt64), "9223372036854775808")
	case param.Float:
		values = append(values, beyond(f, 1e-9)...)
		values = append(values, "1e308", "-1e308", "5e-324")
	case param.Decimal:
		for _, bound := range append(beyond(f, 1), "1e30", "-1e30", "0.000000000000000001") {
			values = append(values, strconv.Quote(bound))
		}
	case param.Duration:
		values = append(values, `"1ns"`, `"0s"`, `"-1h"`, `"2562047h"`, strconv.Quote(f.Min), strconv.Quote(f.Max))
	case param.Text:
		if f.MaxLength > 0 {
			values = append(values, strconv.Quote(strings.Repeat("z", f.MaxLength)), strconv.Quote(strings.Repeat("z", f.MaxLength+1)))
		}
		values = append(values, `"\u0000"`, `"\u202e"`, `"a\nb"`, `"' OR 1=1 --"`)
	case param.Bool:
		values = append(values, "false")
	case param.Enum: // its options stand above
	}
	return values
}

// beyond returns a number's bounds and what lies a step outside them.
func beyond(f param.Field, step float64) []string {
	var values []string
	for sign, bound := range map[float64]string{-1: f.Min, 1: f.Max} {
		if n, err := strconv.ParseFloat(bound, 64); err == nil {
			values = append(values, bound, strconv.FormatFloat(n+sign*step, 'f', -1, 64))
		}
	}
	slices.Sort(values)
	return values
}

// short is the beginning of parameters, for an error.
func short(params json.RawMessage) string {
	text := strings.ToValidUTF8(string(params), "?")
	if len(text) > 100 {
		return text[:100] + "…"
	}
	return text
}
