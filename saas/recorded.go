package saas

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
)

// recordedDays is how far back backtests go in a live market's own candles: a venue
// gives a thousand at a time and counts the calls.
const recordedDays = 90

// recorded are the candles of a live market as its venue keeps them, for backtests.
// What was read once lies in the data folder.
type recorded struct {
	cfg   LiveMarket
	files *archive.Archive
	// reading is held for each pair by the one that reads it from the venue.
	reading *sync.Map
}

func openRecorded(cfg LiveMarket, app Config) (recorded, error) {
	folder := filepath.Join(app.DataDir, "recorded", cfg.Name)
	if cfg.Simulated { // it has begun anew, maybe with other candles
		if err := os.RemoveAll(folder); err != nil {
			return recorded{}, fmt.Errorf("the recorded candles of %s cannot be removed: %w", cfg.Title, err)
		}
	}
	files, err := archive.Open(archive.Config{Folder: folder})
	return recorded{cfg: cfg, files: files, reading: &sync.Map{}}, err
}

func (r recorded) place() string { return r.cfg.Title }

// offer goes so many days back, whether or not the venue had the pair then: what it
// has is known when it is read.
func (r recorded) offer(m exchange.Market) research.Offer {
	to := r.cfg.Now().UTC().Add(-answerAge).Truncate(time.Minute)
	o := research.Offer{
		Ref: research.Ref{Source: research.FromMarket, Pair: m.Pair, Recorded: time.Minute}, Market: m,
		From: to.AddDate(0, 0, -recordedDays).Truncate(24 * time.Hour), To: to,
		Origin: fmt.Sprintf("%s: recorded candles of the last %d days", r.cfg.Title, recordedDays),
	}
	o.Candles = int64(o.To.Sub(o.From) / time.Minute)
	return o
}

// load reads from the venue what is not in the files yet, and then the files.
func (r recorded) load(ctx context.Context, q research.Query, o research.Offer) (research.Data, error) {
	if err := r.fetch(ctx, q, o.Market); err != nil {
		var busy *archive.BusyError
		switch {
		case ctx.Err() != nil:
			return research.Data{}, ctx.Err()
		case errors.As(err, &busy):
			return research.Data{}, err
		}
		return research.Data{}, errs.New(errs.Unavailable, "market_unavailable", "the candles of %s cannot be read from %s at present; try again later", q.Pair, r.cfg.Title).Wrap(err)
	}
	data, err := readStored(ctx, r.files, q)
	data.Origin = strings.Replace(data.Origin, "store: ", "recorded candles: ", 1)
	return data, err
}

// fetch brings the files up to date for the span of a query; one at a time for each
// pair.
func (r recorded) fetch(ctx context.Context, q research.Query, m exchange.Market) error {
	held, _ := r.reading.LoadOrStore(q.Pair, make(chan struct{}, 1))
	turn := held.(chan struct{}) //nolint:forcetypeassert // nothing else is stored
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	data := r.cfg.Data("backtests")
	in := archive.FetchInput{
		WriterConfig: archive.WriterConfig{Interval: q.Recorded, Market: m, Origin: r.cfg.Title, Replace: true}, From: q.From, To: q.To,
		Page: func(ctx context.Context, since time.Time) ([]exchange.Candle, error) {
			return data.Candles(ctx, q.Pair, q.Recorded, since, 1000)
		},
	}
	_, err := r.files.Fetch(ctx, in)
	if errors.As(err, new(*archive.GridError)) { // they are in a tick or step of before
		if err = r.files.Remove(ctx, archive.Key{Pair: q.Pair, Interval: q.Recorded}); err == nil {
			_, err = r.files.Fetch(ctx, in)
		}
	}
	return err
}

// trades has none: the venue tells the newest hundred only.
func (r recorded) trades(string, time.Time, time.Time) (research.Tape, error) {
	return nil, nil //nolint:nilnil // a history without trades
}
