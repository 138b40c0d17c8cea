package lunosim_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/lunosim"
)

// BenchmarkOrders reports orders a second that are placed through HTTP, over sockets
// of this machine, and matched: every second one trades with the one before. The
// callers share the processors with the simulator.
func BenchmarkOrders(b *testing.B) {
	const connections = 8
	accounts := lunosim.DefaultAccounts(1, connections)
	for i := range accounts {
		for currency, amount := range accounts[i].Balances {
			if currency == "MYR" || currency == "XBT" {
				accounts[i].Balances[currency] = amount.Shift(2)
			}
		}
	}
	sim, err := lunosim.New(lunosim.Config{Markets: lunosim.Markets(), Accounts: accounts, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(sim)
	defer server.Close()
	var wait sync.WaitGroup
	problems := make(chan error, connections)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range connections {
		wait.Add(1)
		go func() {
			defer wait.Done()
			side := []string{"BID", "ASK"}[i%2]
			if err := pound(server.Listener.Addr().String(), accounts[i].Keys[0], side, (b.N+connections-1)/connections); err != nil {
				problems <- err
			}
		}()
	}
	wait.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
	close(problems)
	for err := range problems {
		b.Error(err)
	}
	state, err := sim.State(b.Context())
	if err != nil || state.Markets[0].Trades < int64(b.N)/4 {
		b.Errorf("%d orders made %d trades: %v", b.N, state.Markets[0].Trades, err)
	}
}

// pound sends orders over one connection, one after the other.
func pound(address string, key lunosim.Key, side string, count int) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it is over
	body := "pair=XBTMYR&type=" + side + "&price=400000&volume=0.0001&time_in_force=GTC&post_only=false"
	request, err := http.NewRequest(http.MethodPost, "http://"+address+"/api/1/postorder", strings.NewReader(body))
	if err != nil {
		return err
	}
	request.SetBasicAuth(key.ID, key.Secret)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var raw bytes.Buffer
	if err := request.Write(&raw); err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	for range count {
		if _, err := conn.Write(raw.Bytes()); err != nil {
			return err
		}
		length := 0
		for first := true; ; first = false {
			line, err := in.ReadString('\n')
			switch {
			case err != nil:
				return err
			case first && !strings.Contains(line, " 200 "):
				rest, _ := io.ReadAll(io.LimitReader(in, 500))
				return fmt.Errorf("%s%s", line, rest)
			}
			if text, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				if length, err = strconv.Atoi(strings.TrimSpace(text)); err != nil {
					return err
				}
			}
			if line == "\r\n" {
				break
			}
		}
		if _, err := in.Discard(length); err != nil {
			return err
		}
	}
	return nil
}
