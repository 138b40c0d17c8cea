package errs_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/lunobot/lunobot/saas/errs"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	base := errs.New(errs.NotFound, "bot_not_found", "no bot %q", "x")
	cases := map[string]struct {
		err  error
		kind errs.Kind
		code string
	}{
		"plain":   {errors.New("boom"), errs.Internal, ""},
		"direct":  {base, errs.NotFound, "bot_not_found"},
		"wrapped": {fmt.Errorf("starting bot: %w", base), errs.NotFound, "bot_not_found"},
		"cause":   {base.Wrap(errors.New("sql")), errs.NotFound, "bot_not_found"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := errs.KindOf(c.err); got != c.kind {
				t.Errorf("kind = %v, want %v", got, c.kind)
			}
			if got := errs.CodeOf(c.err); got != c.code {
				t.Errorf("code = %q, want %q", got, c.code)
			}
		})
	}
	if !errors.Is(fmt.Errorf("x: %w", base.Wrap(errors.New("sql"))), errs.New(errs.NotFound, "bot_not_found", "")) {
		t.Error("errors.Is does not match on kind and code")
	}
}

func TestWithLeavesTheOriginal(t *testing.T) {
	t.Parallel()
	base := errs.New(errs.LimitExceeded, "limit", "full").With("limit", 3)
	more := base.With("used", 3)
	if len(base.Meta) != 1 || len(more.Meta) != 2 {
		t.Errorf("meta = %v and %v", base.Meta, more.Meta)
	}
}

func TestFieldsNamesThemAll(t *testing.T) {
	t.Parallel()
	var f errs.Fields
	if f.Err() != nil {
		t.Fatal("no field is faulty, yet there is an error")
	}
	f.Check(false, "/fast", "must be below slow")
	f.Check(true, "/ok", "never said")
	f.Add("/slow", "must be at most 500")
	err := f.Err()
	if errs.KindOf(err) != errs.Invalid {
		t.Fatalf("kind = %v", errs.KindOf(err))
	}
	want := "some fields are not valid: fast must be below slow, slow must be at most 500"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestCheckLine(t *testing.T) {
	t.Parallel()
	const line, seen = "must be one line of text without control characters", "must have a character that can be seen"
	for text, want := range map[string]string{
		"": "", "Morning cross": "", "<b>ä 早 👩‍💻 می\u200cخواهم</b>": "", "\u200fאב": "", "a\nb": line, "a\tb": line, "a\u0085b": line, "a\u2028b": line, "a\x7f": line,
		"a\u202egro": line, "a\u2067b": line, "\u200b": seen, "\ufeff": seen, "\u3164": seen, " \u00a0": seen,
	} {
		var f errs.Fields
		f.CheckLine("/name", text)
		var got *errs.Error
		switch err := f.Err(); {
		case want == "" && err != nil:
			t.Errorf("%q is refused: %v", text, err)
		case want != "" && (!errors.As(err, &got) || got.Fields[0] != errs.Field{Path: "/name", Reason: want}):
			t.Errorf("%q: %v, want that it %s", text, err, want)
		}
	}
}
