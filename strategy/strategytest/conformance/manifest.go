package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// What a manifest may say at most, in characters.
const (
	maxTitle   = 80
	maxSummary = 300
)

// mostWarmup is the longest warm-up that a host may be asked for.
const mostWarmup = 100_000

// patterns are the forms of names and versions.
var (
	namePattern    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	versionPattern = regexp.MustCompile(`^\d{1,9}\.\d{1,9}\.\d{1,9}(-[0-9A-Za-z.-]{1,64})?$`)
)

// CheckManifest names all that is wrong with what a plugin tells of itself. A
// host looks at it before it keeps the plugin.
func CheckManifest(m plugin.Manifest) error {
	var problems []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	need(namePattern.MatchString(m.Name), "the name %.80q must be lower-case letters, digits and dashes", m.Name)
	need(versionPattern.MatchString(m.Version), "the version %.80q must be semantic, such as 1.0.0", m.Version)
	need(line(m.Title, maxTitle) && m.Title != "", "the title must be a line of 1 to %d characters", maxTitle)
	need(line(m.Summary, maxSummary), "the summary must be a line of at most %d characters", maxSummary)
	need(m.StateVersion >= 1 && m.StateVersion < 1<<31, "the state version %d must be at least 1", m.StateVersion)
	need(line(m.SDK, maxTitle) && m.SDK != "", "it does not say which SDK it was built with")
	need(slices.Contains(m.Protocols, plugin.Protocol), "it speaks the protocols %v and not %d", m.Protocols, plugin.Protocol)
	need(m.Can(plugin.Live), "it does not serve live bots")
	need(m.Can(plugin.Backtest), "it does not contain the backtest engine")
	need(m.Schema != nil, "it has no schema of its parameters")
	return errors.Join(problems...)
}

// line reports whether a text is one line of at most so many characters.
func line(text string, most int) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= most &&
		!slices.ContainsFunc([]rune(text), func(r rune) bool { return unicode.IsControl(r) })
}

func checkManifest(ctx context.Context, cfg Config) (note string, err error) {
	err = with(ctx, cfg.Start, func(s Subject) error {
		m := s.Manifest()
		if err := CheckManifest(m); err != nil {
			return err
		}
		raw, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("writing the manifest: %w", err)
		}
		var read plugin.Manifest
		if err := json.Unmarshal(raw, &read); err != nil {
			return fmt.Errorf("a host cannot keep the manifest: %w", err)
		}
		note = fmt.Sprintf("%d parameters, state version %d", len(read.Schema.Fields()), m.StateVersion)
		return nil
	})
	return note, err
}

func checkDefaults(ctx context.Context, cfg Config) (note string, err error) {
	err = with(ctx, cfg.Start, func(s Subject) error {
		schema := s.Manifest().Schema
		if _, err := schema.Validate(nil); err != nil {
			return fmt.Errorf("the defaults are not valid: %w", err)
		}
		var faults param.Errors
		for _, params := range []json.RawMessage{nil, schema.Defaults()} {
			opened, err := openOne(ctx, s, strategy.OpenInput{Interval: span, Market: Market(), Params: params})
			switch {
			case errors.As(err, &faults):
				return fmt.Errorf("the strategy refuses its own defaults: %w", err)
			case err != nil:
				return fmt.Errorf("opening with the defaults: %w", err)
			case opened.Warmup > mostWarmup:
				return fmt.Errorf("a warm-up of %d candles is more than a host gives", opened.Warmup)
			case len(opened.Wants) == 0:
				return errors.New("it handles no event")
			}
			note = fmt.Sprintf("warms up for %d candles", opened.Warmup)
		}
		return nil
	})
	return note, err
}
