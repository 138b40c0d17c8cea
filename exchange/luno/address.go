package luno

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// StreamAddress is where Luno's streams are.
const StreamAddress = "wss://ws.luno.com"

// CheckAddress reads an address that stands in for an official one, which is
// Address or StreamAddress. It must be as secret as that, unless it is on this
// machine, and a key is sent to the official one or to this machine only.
func CheckAddress(text, official string, withKey bool) (*url.URL, error) {
	base, err := url.Parse(strings.TrimRight(text, "/"))
	scheme, _, _ := strings.Cut(official, "://")
	switch {
	case err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" || base.RawPath != "":
		return nil, fmt.Errorf("luno: BaseURL %q is not an address", text)
	case base.Scheme != scheme && (base.Scheme != strings.TrimSuffix(scheme, "s") || !loopback(base.Hostname())):
		return nil, fmt.Errorf("luno: BaseURL %s must begin with %s://", text, scheme)
	case withKey && base.String() != official && !loopback(base.Hostname()):
		return nil, fmt.Errorf("luno: a key is sent to %s and to this machine only, not to %s", official, base.Host)
	}
	return base, nil
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
