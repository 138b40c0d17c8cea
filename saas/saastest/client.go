package saastest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
)

// Client calls a server's API as somebody. It is for one goroutine.
type Client struct {
	*Server
	// Token is the access token; "" for nobody.
	Token string
}

// Client returns one of nobody.
func (s *Server) Client() *Client { return &Client{Server: s} }

// Register signs somebody up and returns their client.
func (s *Server) Register(email string) *Client {
	s.tb.Helper()
	c := s.Client()
	c.register(email)
	return c
}

func (c *Client) register(email string) {
	c.tb.Helper()
	var login struct {
		Token string `json:"access_token"`
	}
	c.Call(http.MethodPost, "/api/v1/auth/register", map[string]string{
		"email": email, "password": "a long enough phrase", "first_name": "Kim", "last_name": "Nine",
	}, &login, http.StatusCreated)
	c.Token = login.Token
}

// Call calls the API and decodes the answer into out, if that is not nil; another status
// than want fails the test.
func (c *Client) Call(method, path string, body, out any, want int) {
	c.tb.Helper()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			c.tb.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(c.tb.Context(), method, c.Base()+path, reader)
	if err != nil {
		c.tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.tb.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // the body has been read
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		c.tb.Fatal(err)
	}
	if res.StatusCode != want {
		c.tb.Fatalf("%s %s: %d, want %d: %s", method, path, res.StatusCode, want, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			c.tb.Fatalf("%s %s: %v: %s", method, path, err, raw)
		}
	}
}
