package lunosim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

// imageVersion is that of the form of images.
const imageVersion = 2

// image is all that a simulator keeps at a moment.
type image struct {
	Version int
	Terms   terms
	// Began is when the first simulator of the file began, in epoch milliseconds.
	Began int64
	Venue paper.State
	// Ledgers are the rows of accounts' transactions, by account and currency, and
	// Markets what markets have beside their books.
	Ledgers map[string]map[string][]paper.Posting
	Markets map[string]marketImage
}

// terms are those of a config without which an image makes no sense.
type terms struct {
	Seed     uint64
	Course   string
	BaseFees bool
	Fees     exchange.Fees
	Accounts []string
	Markets  []exchange.Market
}

// differ names what is different in other terms, as it is in these.
func (t terms) differ(other terms) (string, error) {
	var out []string
	for _, pair := range [][2]any{
		{t.Seed, other.Seed}, {t.Course, other.Course}, {t.BaseFees, other.BaseFees}, {t.Fees, other.Fees}, {t.Accounts, other.Accounts}, {t.Markets, other.Markets},
	} {
		was, err := json.Marshal(pair[0])
		if err != nil {
			return "", err
		}
		now, err := json.Marshal(pair[1])
		if err != nil {
			return "", err
		}
		if string(was) == string(now) {
			continue
		}
		switch v := pair[0].(type) {
		case uint64:
			out = append(out, fmt.Sprintf("the seed %d", v))
		case string:
			out = append(out, cmp.Or(v, "markets that follow nothing"))
		case bool:
			out = append(out, fmt.Sprintf("fees of the base currency: %t", v))
		case exchange.Fees:
			out = append(out, fmt.Sprintf("fees of %s and %s", v.Maker.Decimal(), v.Taker.Decimal()))
		case []string:
			out = append(out, fmt.Sprintf("%d accounts", len(v)))
		case []exchange.Market:
			var pairs []string
			for _, m := range v {
				pairs = append(pairs, m.Pair)
			}
			out = append(out, "the markets "+strings.Join(pairs, ","))
		}
	}
	return strings.Join(out, ", "), nil
}

type marketImage struct {
	Candles []exchange.Candle
	Trades  int64
}

func (c Config) terms() terms {
	t := terms{Seed: c.Seed, Course: c.Course, BaseFees: c.BaseFees, Fees: *c.Fees}
	for _, a := range c.Accounts {
		t.Accounts = append(t.Accounts, a.Name)
	}
	for _, m := range c.Markets {
		t.Markets = append(t.Markets, m.Market)
	}
	return t
}

// compact writes the state file anew.
func (s *Sim) compact() error {
	i := image{Version: imageVersion, Terms: s.cfg.terms(), Began: s.began, Ledgers: map[string]map[string][]paper.Posting{}, Markets: map[string]marketImage{}}
	i.Venue = s.venue.Save(func() {
		for _, a := range s.accounts {
			i.Ledgers[a.name] = map[string][]paper.Posting{}
			for currency, l := range a.ledgers {
				i.Ledgers[a.name][currency], _ = l.between(1, 0)
			}
		}
		for pair, m := range s.markets {
			m.mu.Lock()
			i.Markets[pair] = marketImage{slices.Clone(m.candles), m.trades}
			m.mu.Unlock()
		}
		s.file.mark()
	})
	raw, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("lunosim: the state file: %w", err)
	}
	return s.file.replace(raw)
}

// resume makes the simulator what its file says, if it has one, and begins to keep it.
// Traders and faults begin anew: the house's orders are taken back, and all markets are
// active.
func (s *Sim) resume() error {
	if s.file == nil {
		return nil
	}
	if s.file.holds() {
		if err := s.restore(); err != nil {
			return fmt.Errorf("lunosim: the state file %s: %w", s.file.path, err)
		}
		if err := s.calm(); err != nil {
			return fmt.Errorf("lunosim: after the state file: %w", err)
		}
	}
	return s.compact()
}

func (s *Sim) restore() error {
	var i image
	if err := json.Unmarshal(s.file.image, &i); err != nil {
		return fmt.Errorf("its first line cannot be read: %w", err)
	}
	other, err := i.Terms.differ(s.cfg.terms())
	switch {
	case err != nil:
		return err
	case i.Version != imageVersion:
		return fmt.Errorf("it has version %d, and this simulator reads %d: choose another file", i.Version, imageVersion)
	case other != "":
		return fmt.Errorf("it is of a simulator with other terms, which are %s: start it as before, or choose another file", other)
	}
	s.began = i.Began
	if err := s.venue.Restore(i.Venue); err != nil {
		return err
	}
	for _, a := range s.accounts {
		for currency, l := range a.ledgers {
			l.rows = i.Ledgers[a.name][currency]
		}
	}
	for pair, m := range s.markets {
		m.candles, m.trades = i.Markets[pair].Candles, i.Markets[pair].Trades
	}
	for n, line := range s.file.inputs {
		var in paper.Input
		err := json.Unmarshal(line, &in)
		if err == nil {
			err = s.venue.Replay(context.Background(), in)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n+2, err)
		}
	}
	s.file.image, s.file.inputs = nil, nil
	return nil
}

// calm takes back what traders and faults have left.
func (s *Sim) calm() error {
	ctx := context.Background()
	s.venue.SetQuietPostOnly(false)
	for _, pair := range s.pairs {
		if err := s.SetStatus(pair, "ACTIVE"); err != nil {
			return err
		}
		for _, member := range []*paper.Member{s.house, s.stranger} {
			orders, err := member.OpenOrders(ctx, pair)
			if err != nil {
				return err
			}
			for _, o := range orders {
				if err := member.Cancel(ctx, pair, o.ID); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
