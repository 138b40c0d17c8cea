package marketdata_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// proves M3, RK3: prints are told as one range however many they are, and announced; a closed
// candle tells them whole. A bad print is not among them, and the candle says so; what the
// book confirms is, without another trade.
func TestPrintsBetweenCandles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		sub := subscribe(t, startFeed(t, s, 64))
		ring := make(chan struct{}, 1)
		sub.Ring(ring)
		begin := time.Now().UnixMilli() / minute * minute
		close := candleAt(begin - minute).Close // of the history
		sequence := int64(0)
		trade := func(at int64, price exchange.Ticks) {
			sequence++
			s.events <- exchange.StreamEvent{Tick: &exchange.Tick{Sequence: sequence, Time: begin + at, Price: price, Volume: 1}}
			synctest.Wait()
		}
		book := func(bid, ask exchange.Ticks) {
			s.events <- exchange.StreamEvent{Top: &exchange.Top{Bid: exchange.Level{Price: bid}, Ask: exchange.Level{Price: ask}}}
			synctest.Wait()
		}
		expect := func(rings bool, want marketdata.Prints) {
			t.Helper()
			rang := len(ring) > 0
			for len(ring) > 0 {
				<-ring
			}
			if got, ok := sub.Prints(); got != want || ok != rings || rang != rings {
				t.Fatalf("it rings: %t, and tells %+v %t; want %t, %+v", rang, got, ok, rings, want)
			}
		}
		synctest.Wait()
		expect(false, marketdata.Prints{})
		trade(1000, close)
		trade(2000, close-5)
		trade(3000, close+5)
		expect(true, marketdata.Prints{From: begin + 1000, To: begin + 3000, Low: close - 5, High: close + 5, Last: close + 5})
		trade(4000, close/2) // a bad one
		expect(false, marketdata.Prints{})
		trade(5000, close+1)
		expect(true, marketdata.Prints{From: begin + 5000, To: begin + 5000, Low: close + 1, High: close + 1, Last: close + 1})
		trade(6000, close+2)
		s.send(exchange.Candle{Time: begin, Open: close, High: close + 5, Low: close / 2, Close: close + 2, Volume: 6})
		synctest.Wait()
		<-ring // of a print that the candle has
		expect(false, marketdata.Prints{})
		for _, want := range []marketdata.Event{{Low: close - 5, High: close + 5}, {}} {
			var k marketdata.Event
			for k.Candle == nil || k.Candle.Time < begin {
				k = <-sub.Events()
			}
			if k.Low != want.Low || k.High != want.High {
				t.Fatalf("of %+v is believed %d to %d, want %d to %d", *k.Candle, k.Low, k.High, want.Low, want.High)
			}
			if want.Low == 0 {
				break
			}
			trade(minute+1, close+1)
			s.send(exchange.Candle{Time: begin + minute, Open: close + 1, High: close + 1, Low: close + 1, Close: close + 1, Volume: 1})
			synctest.Wait()
		}
		for len(ring) > 0 {
			<-ring
		}
		trade(2*minute+1, close-100)
		book(close-110, close-90)
		expect(false, marketdata.Prints{})
		time.Sleep(time.Second)
		synctest.Wait()
		at := begin + 2*minute + 1001
		expect(true, marketdata.Prints{From: at, To: at, Low: close - 90, High: close - 90, Last: close - 90})
	})
}
