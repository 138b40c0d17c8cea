package saas

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// maxAbsence is how many candles the demo market goes on while nobody is
// there: bots catch up with a short stop of the server, and a long one does not
// leave them weeks of market time to go through.
const maxAbsence = 24 * 60

// heartbeat is how often the market's place is noted.
const heartbeat = 5 * time.Second

// anchorSetting is the name under which the market's place is kept.
const anchorSetting = "demo_anchor"

// anchor ties the demo market to the wall clock across restarts.
type anchor struct {
	Wall  time.Time `json:"wall"`
	Index int64     `json:"index"`
	Speed float64   `json:"speed"`
	// Seen is the place of the market when a server last looked.
	Seen int64 `json:"seen"`
}

// at returns the market's place at a time.
func (a anchor) at(now time.Time) int64 {
	return a.Index + int64(now.Sub(a.Wall).Seconds()*a.Speed/60)
}

// loadAnchor returns where the demo market stands: where it would be had it
// never stopped, unless that is too far from where it was last seen. Of several
// processes that begin at once all get the same. A worker takes the speed that the
// market has; the others give it theirs.
func loadAnchor(ctx context.Context, store *saasdb.Store, role Role, speed float64, now time.Time) (anchor, error) {
	first, err := json.Marshal(anchor{Wall: now.UTC(), Speed: speed})
	if err != nil {
		return anchor{}, err
	}
	for {
		text, err := store.EnsureSetting(ctx, anchorSetting, string(first))
		if err != nil {
			return anchor{}, err
		}
		var a anchor
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			return anchor{}, fmt.Errorf("reading the demo market's place: %w", err)
		}
		if role == Worker {
			speed = a.Speed
		}
		// A wall clock that was set back does not take the market back.
		place := min(max(a.at(now), a.Seen), a.Seen+maxAbsence)
		if a.Speed == speed && place == a.at(now) {
			return a, nil
		}
		a = anchor{Wall: now.UTC(), Index: place, Speed: speed, Seen: place}
		if swapped, err := a.replace(ctx, store, text); err != nil || swapped {
			return a, err
		}
	}
}

// replace stores the anchor in place of a text, unless another process was faster.
func (a anchor) replace(ctx context.Context, store *saasdb.Store, old string) (bool, error) {
	raw, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	return store.SwapSetting(ctx, anchorSetting, old, string(raw))
}

// errMoved is what a process gets to know whose market is not that of the others any
// more.
var errMoved = errors.New("another process has placed the demo market anew, with another speed or after a long silence: restart this one")

// keep notes the market's place until ctx ends.
func (a anchor) keep(ctx context.Context, store *saasdb.Store, market *demo.Replay, warn func(error)) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := a.note(ctx, store, market.Index(market.Now())); err != nil && ctx.Err() == nil {
			warn(err)
		}
	}
}

// note stores that the market was seen at a place.
func (a anchor) note(ctx context.Context, store *saasdb.Store, seen int64) error {
	text, known, err := store.Setting(ctx, anchorSetting)
	if err != nil {
		return err
	}
	var there anchor
	if known {
		err = json.Unmarshal([]byte(text), &there)
	}
	if err != nil || !there.Wall.Equal(a.Wall) || there.Index != a.Index || there.Speed != a.Speed {
		return errMoved
	}
	if there.Seen >= seen {
		return nil
	}
	there.Seen = seen
	_, err = there.replace(ctx, store, text) // whoever was faster has noted it
	return err
}
