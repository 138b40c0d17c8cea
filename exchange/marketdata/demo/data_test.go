package demo_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo/internal/pack"
)

// The packed files hold the original CSV files to the last byte.
func TestDataIsTheOriginal(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("data/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"btcusd-1m", "ethusd-1m"} {
		packed, err := os.ReadFile("data/" + name + ".bin.gz")
		if err != nil {
			t.Fatal(err)
		}
		candles, interval, err := pack.Decode(packed)
		if err != nil {
			t.Fatal(err)
		}
		hash := sha256.New()
		if err := marketdata.WriteCSV(hash, marketdata.Series{Market: pack.Original(), Candles: candles}); err != nil {
			t.Fatal(err)
		}
		sum := hex.EncodeToString(hash.Sum(nil))
		if !strings.Contains(string(readme), sum) {
			t.Errorf("%s: the CSV's SHA-256 is %s, which the README does not name", name, sum)
		}
		again, err := pack.Encode(candles, interval)
		if err != nil {
			t.Fatal(err)
		}
		back, _, err := pack.Decode(again)
		if err != nil || len(back) != len(candles) {
			t.Fatal(len(back), err)
		}
		for i := range back {
			if back[i] != candles[i] {
				t.Fatalf("%s: candle %d changed from %+v to %+v", name, i, candles[i], back[i])
			}
		}
	}
}

func TestDamagedDataIsRefused(t *testing.T) {
	t.Parallel()
	packed, err := os.ReadFile("data/ethusd-1m.bin.gz")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(packed); i += 997 {
		if _, _, err := pack.Decode(packed[:i]); err == nil {
			t.Errorf("the first %d bytes were taken", i)
		}
	}
	packed[len(packed)/2] ^= 1
	if _, _, err := pack.Decode(packed); err == nil {
		t.Error("a changed bit was not noticed")
	}
}
