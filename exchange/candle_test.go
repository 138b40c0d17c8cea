package exchange_test

import (
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

func TestFlatCandle(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	c := exchange.Flat(at.UnixMilli(), 7)
	if !c.IsFlat() || !c.Valid() || !c.OpenTime().Equal(at) || c.OpenTime().Location() != time.UTC {
		t.Errorf("flat candle %+v", c)
	}
	traded := c
	traded.Volume = 1
	if traded.IsFlat() {
		t.Error("a traded candle at one price is called flat")
	}
}

func TestValidCandle(t *testing.T) {
	t.Parallel()
	good := exchange.Candle{Open: 5, High: 7, Low: 4, Close: 6, Volume: 0}
	if !good.Valid() {
		t.Errorf("%+v is refused", good)
	}
	for name, change := range map[string]func(c *exchange.Candle){
		"no price":         func(c *exchange.Candle) { *c = exchange.Candle{} },
		"low of zero":      func(c *exchange.Candle) { c.Low = 0 },
		"low above open":   func(c *exchange.Candle) { c.Open = 3 },
		"low above close":  func(c *exchange.Candle) { c.Close = 3 },
		"high below open":  func(c *exchange.Candle) { c.Open = 8 },
		"high below close": func(c *exchange.Candle) { c.Close = 8 },
		"negative volume":  func(c *exchange.Candle) { c.Volume = -1 },
	} {
		c := good
		change(&c)
		if c.Valid() {
			t.Errorf("%s: %+v is taken", name, c)
		}
	}
}
