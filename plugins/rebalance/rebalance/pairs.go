package rebalance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
)

// weight is the share of a further pair, in percent of the account.
type weight struct {
	pair  string
	share decimal.Decimal
}

// blame returns what is wrong with the shares of the further pairs.
func blame(format string, args ...any) error {
	return param.Errors{{Name: "others", Reason: fmt.Sprintf(format, args...)}}
}

// others reads the shares of the further pairs.
func (p Params) others() ([]weight, error) {
	if strings.TrimSpace(p.Others) == "" {
		return nil, nil
	}
	var out []weight
	sum := p.Weight
	for _, text := range strings.Split(p.Others, ",") {
		pair, number, ok := strings.Cut(text, "=")
		pair = strings.ToUpper(strings.TrimSpace(pair))
		share, err := decimal.NewFromString(strings.TrimSpace(number))
		switch {
		case !ok || pair == "" || err != nil || share.Exponent() < -6:
			return nil, blame("has a part that is not written as PAIR=PERCENT: %s", strings.TrimSpace(text))
		case slices.ContainsFunc(out, func(w weight) bool { return w.pair == pair }):
			return nil, blame("has %s twice", pair)
		case !p.fits(share):
			return nil, blame("must leave room for the band (%s) on both sides of the %s %% of %s", p.Band, share, pair)
		}
		sum = sum.Add(share)
		out = append(out, weight{pair, share})
	}
	if sum.GreaterThanOrEqual(decimal.NewFromInt(100)) {
		return nil, blame("must leave some cash: with Share in the base currency the shares are %s %% of the account", sum)
	}
	return out, nil
}

// TradePairs implements strategy.PairTrader.
func (s *mix) TradePairs(own exchange.Market, also []exchange.Market) error {
	others, err := s.Params.others()
	if err != nil {
		return err
	}
	for _, w := range others {
		if !slices.ContainsFunc(also, func(m exchange.Market) bool { return m.Pair == w.pair }) {
			return blame("has %s, which is none of the bot's further pairs", w.pair)
		}
	}
	s.Weights, s.Names, s.Closes = s.Weights[:1], nil, make([]exchange.Ticks, len(also))
	even := s.Params.Weight.Div(decimal.NewFromInt(int64(len(also) + 1))).Truncate(6)
	for _, m := range also {
		share := even
		if len(others) > 0 {
			i := slices.IndexFunc(others, func(w weight) bool { return w.pair == m.Pair })
			if i < 0 {
				return blame("lacks a share of %s", m.Pair)
			}
			share = others[i].share
		}
		s.Weights, s.Names = append(s.Weights, rate(share)), append(s.Names, m.Pair)
	}
	if len(also) > 0 && len(others) == 0 {
		if !s.Params.fits(even) {
			return param.Errors{{Name: "band", Reason: fmt.Sprintf("must end above 0: %s and the further pairs have %s %% each", own.Pair, even)}}
		}
		s.Weights[0] = rate(even)
	}
	return nil
}

var _ strategy.PairTrader = (*mix)(nil)
