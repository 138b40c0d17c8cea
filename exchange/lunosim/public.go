package lunosim

import (
	"context"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

type tickerAnswer struct {
	Pair      string `json:"pair"`
	Timestamp int64  `json:"timestamp"`
	Bid       string `json:"bid"`
	Ask       string `json:"ask"`
	Last      string `json:"last_trade"`
	Volume    string `json:"rolling_24_hour_volume"`
	Status    string `json:"status"`
}

func (s *Sim) ticker(c *call) (any, error) {
	m, err := s.market(c)
	if err != nil {
		return nil, err
	}
	return s.tickerOf(c.Context(), m)
}

func (s *Sim) tickerOf(ctx context.Context, m *market) (tickerAnswer, error) {
	t, err := s.venue.Ticker(ctx, m.Pair)
	if err != nil {
		return tickerAnswer{}, err
	}
	return tickerAnswer{
		Pair: m.Pair, Timestamp: t.Time, Bid: m.priceText(t.Bid), Ask: m.priceText(t.Ask), Last: m.priceText(t.Last),
		Volume: m.volumeText(t.Volume24h), Status: m.status(t.Status).ticker,
	}, nil
}

// chosen lists the markets that repeated parameters name, or all; unknown names
// choose nothing.
func (s *Sim) chosen(c *call) ([]*market, error) {
	names, err := c.repeated("pair")
	if err != nil {
		return nil, err
	}
	if names == nil {
		names = s.pairs
	}
	var out []*market
	for _, pair := range s.pairs {
		if slices.Contains(names, pair) {
			out = append(out, s.markets[pair])
		}
	}
	return out, nil
}

func (s *Sim) tickers(c *call) (any, error) {
	markets, err := s.chosen(c)
	if err != nil {
		return nil, err
	}
	list := []tickerAnswer{}
	for _, m := range markets {
		t, err := s.tickerOf(c.Context(), m)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return map[string]any{"tickers": list}, nil
}

type marketAnswer struct {
	ID          string `json:"market_id"`
	Status      string `json:"trading_status"`
	Base        string `json:"base_currency"`
	Counter     string `json:"counter_currency"`
	MinVolume   string `json:"min_volume"`
	MaxVolume   string `json:"max_volume"`
	VolumeScale int32  `json:"volume_scale"`
	MinPrice    string `json:"min_price"`
	MaxPrice    string `json:"max_price"`
	PriceScale  int32  `json:"price_scale"`
	FeeScale    int32  `json:"fee_scale"`
}

// feeScale is the decimals of fees in Luno's markets.
const feeScale = 8

func (s *Sim) listMarkets(c *call) (any, error) {
	markets, err := s.chosen(c)
	if err != nil {
		return nil, err
	}
	present, err := s.venue.Markets(c.Context())
	if err != nil {
		return nil, err
	}
	status := map[string]exchange.MarketStatus{}
	for _, p := range present {
		status[p.Pair] = p.Status
	}
	list := []marketAnswer{}
	for _, m := range markets {
		list = append(list, marketAnswer{
			ID: m.Pair, Status: m.status(status[m.Pair]).market, Base: m.Base, Counter: m.Counter,
			MinVolume: m.volumeText(m.MinVolume), MaxVolume: m.volumeText(m.MaxVolume), VolumeScale: m.VolumeScale(),
			MinPrice: m.priceText(m.MinPrice), MaxPrice: m.priceText(m.MaxPrice), PriceScale: m.PriceScale(), FeeScale: feeScale,
		})
	}
	return map[string]any{"markets": list}, nil
}

type levelAnswer struct {
	Price  string `json:"price"`
	Volume string `json:"volume"`
}

type bookAnswer struct {
	Timestamp int64         `json:"timestamp"`
	Bids      []levelAnswer `json:"bids"`
	Asks      []levelAnswer `json:"asks"`
}

const (
	// topLevels is how many prices a side the top of a book has, and topScale the
	// decimals that Luno writes there.
	topLevels = 100
	topScale  = 18
)

func (s *Sim) topOfBook(c *call) (any, error) {
	m, err := s.market(c)
	if err != nil {
		return nil, err
	}
	b, err := s.venue.OrderBook(c.Context(), m.Pair, topLevels)
	if err != nil {
		return nil, err
	}
	write := func(levels []exchange.Level) []levelAnswer {
		out := make([]levelAnswer, len(levels))
		for i, l := range levels {
			out[i] = levelAnswer{m.Price(l.Price).StringFixed(topScale), m.Volume(l.Volume).StringFixed(topScale)}
		}
		return out
	}
	return bookAnswer{Timestamp: b.Time, Bids: write(b.Bids), Asks: write(b.Asks)}, nil
}

func (s *Sim) wholeBook(c *call) (any, error) {
	m, err := s.market(c)
	if err != nil {
		return nil, err
	}
	b, err := s.venue.Snapshot(c.Context(), m.Pair)
	if err != nil {
		return nil, err
	}
	write := func(orders []paper.BookOrder) []levelAnswer {
		out := make([]levelAnswer, len(orders))
		for i, o := range orders {
			out[i] = levelAnswer{m.priceText(o.Price), m.volumeText(o.Volume)}
		}
		return out
	}
	return bookAnswer{Timestamp: b.Time, Bids: write(b.Bids), Asks: write(b.Asks)}, nil
}

type tradeAnswer struct {
	Sequence  int64  `json:"sequence"`
	Timestamp int64  `json:"timestamp"`
	Price     string `json:"price"`
	Volume    string `json:"volume"`
	IsBuy     bool   `json:"is_buy"`
}

// maxTrades is how many trades one answer has.
const maxTrades = 100

func (s *Sim) trades(c *call) (any, error) {
	m, err := s.market(c)
	if err != nil {
		return nil, err
	}
	since, given, err := c.integer("since")
	if err != nil {
		return nil, err
	}
	if oldest := c.now - day; !given {
		since = oldest
	} else if since < oldest {
		return nil, refuse("ErrInvalidParameters", "since must be within the last 24 hours")
	}
	trades, err := s.venue.NewestTrades(c.Context(), m.Pair, since, maxTrades)
	if err != nil {
		return nil, err
	}
	list := make([]tradeAnswer, len(trades))
	for i, t := range trades {
		list[i] = tradeAnswer{t.Sequence, t.Time, m.priceText(t.Price), m.volumeText(t.Volume), t.Taker == exchange.Buy}
	}
	return map[string]any{"trades": list}, nil
}

type candleAnswer struct {
	Timestamp int64  `json:"timestamp"`
	Open      string `json:"open"`
	Close     string `json:"close"`
	High      string `json:"high"`
	Low       string `json:"low"`
	Volume    string `json:"volume"`
}

// maxCandles is how many candles one answer has.
const maxCandles = 1000

// durations lists the lengths of candles, in seconds.
func durations() []int64 {
	return []int64{60, 300, 900, 1800, 3600, 10800, 14400, 28800, 86400, 259200, 604800}
}

func (s *Sim) candles(c *call) (any, error) {
	m, err := s.market(c)
	if err != nil {
		return nil, err
	}
	duration, _, err := c.integer("duration")
	if err != nil {
		return nil, err
	}
	since, given, err := c.integer("since")
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains(durations(), duration):
		return nil, refuse("ErrInvalidParameters", "duration must be one of %v", durations())
	case !given || since < 0:
		return nil, refuse("ErrInvalidParameters", "since is needed")
	}
	list := []candleAnswer{}
	for _, k := range m.between(duration*1000, since, c.now, maxCandles) {
		list = append(list, candleAnswer{k.Time, m.priceText(k.Open), m.priceText(k.Close), m.priceText(k.High), m.priceText(k.Low), m.volumeText(k.Volume)})
	}
	return map[string]any{"pair": m.Pair, "duration": duration, "candles": list}, nil
}
