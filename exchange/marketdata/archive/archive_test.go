package archive_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
)

// begin is when the tests' candles begin: in the middle of a window.
func begin() time.Time { return time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC) }

func market() exchange.Market {
	return exchange.Market{
		Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: decimal.RequireFromString("0.01"), Step: decimal.RequireFromString("0.0001"),
		Status: exchange.MarketActive,
	}
}

func key() archive.Key { return archive.Key{Pair: "XBTMYR", Interval: time.Minute} }

// walk returns n candles of a minute each that begin at from.
func walk(seed uint64, from time.Time, n int) []exchange.Candle {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]exchange.Candle, n)
	price := exchange.Ticks(20_000_000)
	for i := range out {
		c := exchange.Candle{Time: from.UnixMilli() + int64(i)*60_000, Open: price, Volume: exchange.Steps(r.IntN(50_000))}
		c.Close = price + exchange.Ticks(r.IntN(2001)-1000)
		c.High, c.Low = max(c.Open, c.Close)+exchange.Ticks(r.IntN(100)), min(c.Open, c.Close)-exchange.Ticks(r.IntN(100))
		price, out[i] = c.Close, c
	}
	return out
}

func open(t testing.TB) *archive.Archive {
	t.Helper()
	a, err := archive.Open(archive.Config{Folder: t.TempDir(), Wait: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// put writes candles and commits them.
func put(t testing.TB, a *archive.Archive, cfg archive.WriterConfig, blocks ...[]exchange.Candle) archive.Changes {
	t.Helper()
	changes, err := tryPut(t.Context(), a, cfg, blocks...)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func tryPut(ctx context.Context, a *archive.Archive, cfg archive.WriterConfig, blocks ...[]exchange.Candle) (c archive.Changes, err error) {
	if cfg.Market.Pair == "" {
		cfg.Market, cfg.Interval = market(), time.Minute
	}
	w, err := a.Writer(ctx, cfg)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	for _, b := range blocks {
		if err := w.Add(ctx, b); err != nil {
			return c, err
		}
	}
	if err := w.Commit(ctx); err != nil {
		return c, err
	}
	return w.Changes(), nil
}

// read reads all candles of a query.
func read(t testing.TB, a *archive.Archive, q archive.Query) []exchange.Candle {
	t.Helper()
	out, err := tryRead(t.Context(), a, q)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryRead(ctx context.Context, a *archive.Archive, q archive.Query) (out []exchange.Candle, err error) {
	r, err := a.Read(ctx, q)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	whole := r.Len()
	for {
		block, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		out = append(out, block...)
		if r.Len() != whole-len(out) {
			return nil, errors.New("Len does not count down")
		}
	}
	if whole != len(out) {
		return nil, errors.New("Len was wrong")
	}
	return out, nil
}

func info(t testing.TB, a *archive.Archive) archive.Info {
	t.Helper()
	i, err := a.Info(key())
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// The same candles give the same files, in whatever order and pieces they came,
// and come back as they were.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	candles := walk(1, begin(), 150_000)
	one := open(t)
	if c := put(t, one, archive.WriterConfig{Origin: "test"}, candles); c != (archive.Changes{Added: 150_000}) {
		t.Errorf("changes %+v", c)
	}
	want := info(t, one)
	if want.Candles != 150_000 || want.Missing != 0 || want.Holes != 0 || !want.First.Equal(begin()) || !want.End.Equal(begin().Add(150_000*time.Minute)) ||
		want.Files < 3 || !slices.Equal(want.Origins, []string{"test"}) {
		t.Errorf("info %+v", want)
	}
	if got := read(t, one, archive.Query{Key: key()}); !slices.Equal(got, candles) {
		t.Error("other candles come back")
	}

	r := rand.New(rand.NewPCG(2, 2))
	other := open(t)
	var pieces [][]exchange.Candle
	for rest := candles; len(rest) > 0; {
		n := min(len(rest), 1+r.IntN(30_000))
		pieces, rest = append(pieces, rest[:n]), rest[n:]
	}
	r.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
	for _, p := range pieces {
		p = slices.Clone(p)
		slices.Reverse(p) // as files are that begin with the newest
		put(t, other, archive.WriterConfig{}, p)
	}
	if got := info(t, other); got.Sum != want.Sum || got.Candles != want.Candles || got.Bytes != want.Bytes {
		t.Errorf("in pieces: %+v, want %+v", got, want)
	}
	// What is there already changes nothing.
	if c := put(t, other, archive.WriterConfig{}, candles); c != (archive.Changes{Same: 150_000}) {
		t.Errorf("again: %+v", c)
	}
	files, err := filepath.Glob(filepath.Join(other.Folder(), "XBTMYR", "1m", "*.parquet"))
	if err != nil || len(files) != want.Files {
		t.Errorf("%d files lie there, %v; %d are used", len(files), err, want.Files)
	}
}

// Every span comes back as it was written, with flat candles in the holes or
// without. // proves M4
func TestHolesAndSpans(t *testing.T) {
	t.Parallel()
	all := walk(3, begin(), 140_000)
	r := rand.New(rand.NewPCG(4, 4))
	var some []exchange.Candle
	for i := 0; i < len(all); {
		n := 1 + r.IntN(20_000)
		some = append(some, all[i:min(i+n, len(all))]...)
		i += n + 1 + r.IntN(400)
	}
	a := open(t)
	put(t, a, archive.WriterConfig{}, some)

	filled := fill(some)
	got := info(t, a)
	var holes, missing, longest int64
	if err := a.Holes(t.Context(), key(), func(h archive.Hole) bool {
		holes, missing, longest = holes+1, missing+h.Missing, max(longest, h.Missing)
		if h.To.Sub(h.From) != time.Duration(h.Missing)*time.Minute {
			t.Errorf("hole %+v", h)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if got.Candles != int64(len(some)) || got.Missing != int64(len(filled)-len(some)) || got.Holes != holes || got.Missing != missing || got.Longest != longest || holes == 0 {
		t.Errorf("info %+v, want %d holes of %d candles, the longest %d", got, holes, missing, longest)
	}
	if back := read(t, a, archive.Query{Key: key()}); !slices.Equal(back, filled) {
		t.Error("filled candles differ")
	}
	for range 60 {
		from, to := begin().Add(time.Duration(r.IntN(150_000)-5_000)*time.Minute), time.Time{}
		if r.IntN(4) > 0 {
			to = from.Add(time.Duration(1+r.IntN(90_000)) * time.Minute)
		}
		inside := func(c exchange.Candle) bool {
			return c.Time >= from.UnixMilli() && (to.IsZero() || c.Time < to.UnixMilli())
		}
		want := slices.DeleteFunc(slices.Clone(some), func(c exchange.Candle) bool { return !inside(c) })
		back, err := tryRead(t.Context(), a, archive.Query{Key: key(), From: from, To: to, KeepHoles: true})
		var none *archive.MissingError
		if len(want) == 0 && errors.As(err, &none) {
			continue
		}
		if err != nil || !slices.Equal(back, want) {
			t.Fatalf("from %s to %s: %d candles, %v, want %d", from, to, len(back), err, len(want))
		}
		if back := read(t, a, archive.Query{Key: key(), From: from, To: to}); !slices.Equal(back, fill(want)) {
			t.Fatalf("from %s to %s: filled candles differ", from, to)
		}
	}
}

func fill(candles []exchange.Candle) []exchange.Candle {
	var out []exchange.Candle
	for _, c := range candles {
		for n := len(out); n > 0 && out[n-1].Time+60_000 < c.Time; n++ {
			out = append(out, exchange.Flat(out[n-1].Time+60_000, out[n-1].Close))
		}
		out = append(out, c)
	}
	return out
}

// Another candle of the same time is refused by name and changes nothing, unless
// it is to replace.
func TestConflict(t *testing.T) {
	t.Parallel()
	a := open(t)
	candles := walk(5, begin(), 1000)
	put(t, a, archive.WriterConfig{}, candles)
	before := info(t, a)

	changed := slices.Clone(candles)
	changed[400].Volume++
	changed[700].High++
	changed = append(changed, walk(6, begin().Add(1000*time.Minute), 10)...)
	_, err := tryPut(t.Context(), a, archive.WriterConfig{}, changed)
	var conflict *archive.ConflictError
	if !errors.As(err, &conflict) || conflict.Have != candles[400] || conflict.Got != changed[400] {
		t.Errorf("error %v, want the conflict of candle 400", err)
	}
	if _, err := tryPut(t.Context(), a, archive.WriterConfig{Check: true}, changed); !errors.As(err, &conflict) {
		t.Errorf("a check says %v", err)
	}
	if after := info(t, a); after.Sum != before.Sum {
		t.Error("a refused candle changed the series")
	}
	if c := put(t, a, archive.WriterConfig{Check: true, Replace: true}, changed); c != (archive.Changes{Added: 10, Same: 998, Replaced: 2}) || info(t, a).Sum != before.Sum {
		t.Errorf("a check counts %+v", c)
	}
	if c := put(t, a, archive.WriterConfig{Replace: true}, changed); c != (archive.Changes{Added: 10, Same: 998, Replaced: 2}) {
		t.Errorf("replacing: %+v", c)
	}
	if back := read(t, a, archive.Query{Key: key()}); !slices.Equal(back, changed) {
		t.Error("the candles were not replaced")
	}
}

// What does not fit the series is refused, and a series that was never begun
// leaves nothing behind.
func TestGrid(t *testing.T) {
	t.Parallel()
	a := open(t)
	candles := walk(7, begin(), 10)
	off := slices.Clone(candles)
	off[5].Time += 1000
	broken := slices.Clone(candles)
	broken[5].High = 1
	var grid *archive.GridError
	for name, bad := range map[string][]exchange.Candle{"off the grid": off, "no candle": broken} {
		if _, err := tryPut(t.Context(), a, archive.WriterConfig{}, bad); !errors.As(err, &grid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if entries, err := os.ReadDir(a.Folder()); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	put(t, a, archive.WriterConfig{}, candles)
	finer := market()
	finer.Tick = decimal.RequireFromString("0.001")
	if _, err := tryPut(t.Context(), a, archive.WriterConfig{Market: finer, Interval: time.Minute}, candles); !errors.As(err, &grid) {
		t.Errorf("another tick: %v", err)
	}
	same := market()
	same.Tick, same.MinVolume = decimal.RequireFromString("0.0100"), 5
	put(t, a, archive.WriterConfig{Market: same, Interval: time.Minute}, walk(8, begin().Add(10*time.Minute), 10))
	if got := info(t, a).Market.MinVolume; got != 5 {
		t.Errorf("the market's bounds were not taken: %d", got)
	}
	if back := read(t, a, archive.Query{Key: key(), To: begin().Add(10 * time.Minute)}); !slices.Equal(back, candles) {
		t.Error("a tick that is written otherwise changes the candles")
	}
	bad := market()
	bad.Pair = "../XBT"
	if _, err := a.Writer(t.Context(), archive.WriterConfig{Market: bad, Interval: time.Minute}); err == nil {
		t.Error("a pair that leads out of the folder was taken")
	}
}

// Removing takes everything away, also a series whose manifest is damaged.
func TestRemove(t *testing.T) {
	t.Parallel()
	a := open(t)
	var missing *archive.MissingError
	if err := a.Remove(t.Context(), key()); !errors.As(err, &missing) {
		t.Errorf("nothing there: %v", err)
	}
	put(t, a, archive.WriterConfig{}, walk(9, begin(), 10))
	r, err := a.Read(t.Context(), archive.Query{Key: key()})
	if err != nil {
		t.Fatal(err)
	}
	var busy *archive.BusyError
	if err := a.Remove(t.Context(), key()); !errors.As(err, &busy) || busy.Doing != "read" {
		t.Errorf("while it is read: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Remove(t.Context(), key()); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(a.Folder()); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if keys, err := a.Keys(); err != nil || len(keys) != 0 {
		t.Errorf("keys %v, %v", keys, err)
	}
}
