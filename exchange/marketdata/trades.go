package marketdata

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// TradesConfig says how a CSV file of trades is read.
type TradesConfig struct {
	// From and To keep the trades at From or later and before To. Defaults to all.
	From, To time.Time
	// Market gives the pair, and the tick and the step that the numbers are read
	// in. Required.
	Market exchange.Market
}

// TradeReader reads trades from a CSV file, block by block, so that a long file
// need not lie in memory. It is for one goroutine.
type TradeReader struct {
	cfg           TradesConfig
	rows          *csv.Reader
	price, volume exchange.Grid
	// columns are the places of the known columns in a row; -1 is none.
	columns [tradeColumns]int
	last    int64
	block   []exchange.Trade
	rounded int
	err     error
}

const (
	tradeTime = iota
	tradePrice
	tradeVolume
	tradeSide
	tradeColumns
)

// tradeColumn returns the name of a column in the header.
func tradeColumn(c int) string {
	return [tradeColumns]string{"timestamp", "price", "volume", "side"}[c]
}

// NewTradeReader returns a reader of a file that starts with a header. It names
// the columns timestamp, price and volume, and side if it is known who took, in
// any order and case; others are ignored. A timestamp is in seconds or
// milliseconds since the epoch or in RFC 3339 and never goes back; the side is
// the taker's, buy or sell, or empty. An error about a line is a *CSVError.
func NewTradeReader(r io.Reader, cfg TradesConfig) (*TradeReader, error) {
	if err := cfg.Market.Validate(); err != nil {
		return nil, fmt.Errorf("reading trades: %w", err)
	}
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	t := &TradeReader{cfg: cfg, rows: rows, price: cfg.Market.PriceGrid(exchange.Nearest), volume: cfg.Market.VolumeGrid(exchange.Down)}
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading trades: %w", &CSVError{Line: 1, Reason: "the file is empty; a header is required"})
	}
	if err != nil {
		return nil, fmt.Errorf("reading trades: %w", csvFault(err))
	}
	var missing []string
	for c := range t.columns {
		t.columns[c] = -1
		for i, name := range header {
			if strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")), tradeColumn(c)) {
				t.columns[c] = i
			}
		}
		if t.columns[c] < 0 && c != tradeSide {
			missing = append(missing, tradeColumn(c))
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("reading trades: %w", &CSVError{Line: 1, Reason: "the header lacks " + strings.Join(missing, ", ")})
	}
	return t, nil
}

// Rounded returns how many numbers so far lay between two ticks or steps: a
// price became the nearest tick, a volume the step below.
func (t *TradeReader) Rounded() int { return t.rounded }

// Next returns the next trades, at most BlockSize, oldest first, and io.EOF after
// the last. The block is valid until the next call.
func (t *TradeReader) Next(ctx context.Context) ([]exchange.Trade, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.block = t.block[:0]
	for t.err == nil && len(t.block) < BlockSize {
		trade, err := t.read()
		switch {
		case err != nil:
			t.err = err
		case !t.cfg.To.IsZero() && trade.Time >= t.cfg.To.UnixMilli():
			t.err = io.EOF
		case t.cfg.From.IsZero() || trade.Time >= t.cfg.From.UnixMilli():
			t.block = append(t.block, trade)
		}
	}
	switch {
	case len(t.block) > 0 && errors.Is(t.err, io.EOF):
		return t.block, nil // the end is told at the next call
	case t.err != nil:
		return nil, t.err
	}
	return t.block, nil
}

// read reads one row.
func (t *TradeReader) read() (trade exchange.Trade, err error) {
	row, err := t.rows.Read()
	if errors.Is(err, io.EOF) {
		return trade, io.EOF
	}
	if err != nil {
		return trade, fmt.Errorf("reading trades: %w", csvFault(err))
	}
	fault := func(column int, format string, args ...any) (exchange.Trade, error) {
		line, _ := t.rows.FieldPos(0)
		return exchange.Trade{}, fmt.Errorf("reading trades: %w", &CSVError{Line: line, Column: tradeColumn(column), Reason: fmt.Sprintf(format, args...)})
	}
	field := func(column int) []byte { return trim([]byte(row[t.columns[column]])) }
	trade.Pair = t.cfg.Market.Pair
	if trade.Time, err = (TimeParser{}).Parse(field(tradeTime)); err != nil {
		return fault(tradeTime, "%s", err)
	}
	if trade.Time < t.last {
		return fault(tradeTime, "%s is before the time of the line before", field(tradeTime))
	}
	t.last = trade.Time
	price, exact, err := t.price.Parse(field(tradePrice))
	if err != nil || price <= 0 {
		return fault(tradePrice, "%q must be a price of at least one tick, which is %s", clip(field(tradePrice)), t.cfg.Market.Tick)
	}
	volume, whole, err := t.volume.Parse(field(tradeVolume))
	if err != nil || volume < 0 {
		return fault(tradeVolume, "%q must be a volume, 0 or more", clip(field(tradeVolume)))
	}
	if !exact || !whole {
		t.rounded++
	}
	trade.Price, trade.Volume = exchange.Ticks(price), exchange.Steps(volume)
	if t.columns[tradeSide] >= 0 {
		switch side := strings.ToLower(string(field(tradeSide))); side {
		case "buy":
			trade.Taker = exchange.Buy
		case "sell":
			trade.Taker = exchange.Sell
		case "":
		default:
			return fault(tradeSide, "%.20q must be buy, sell or empty", side)
		}
	}
	return trade, nil
}

// csvFault turns an error of package csv into one of this package.
func csvFault(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return &CSVError{Line: parse.Line, Reason: parse.Err.Error()}
	}
	return err
}
