"""A real rspamd whose rules do what a field of the message says. It asks no
resolver but the test's, and keeps everything in the test's directory."""
import atexit
import os
import signal
import subprocess
import urllib.request

import content
import instance
from content import T
from tap import until

RULES = r'''
local function field(task, name) return task:get_header(name) end
rspamd_config:register_symbol{name='WANT', type='prefilter', callback=function(t)
  local h = field(t, 'X-Want')
  if h then t:set_pre_result(h, field(t, 'X-Words') or 'told so') end
end}
rspamd_config:register_symbol{name='SCORE', score=1.0, callback=function(t)
  local h = field(t, 'X-Score')
  if h then return true, tonumber(h) end
end}
rspamd_config:register_symbol{name='SLEEP', callback=function(t)
  local h = field(t, 'X-Sleep')
  if h then os.execute('sleep ' .. tonumber(h)) end
end}
rspamd_config:register_symbol{name='SAW', type='postfilter', callback=function(t)
  if not field(t, 'X-Saw') then return end
  local rcpt, from = {}, t:get_from('smtp')
  for _, r in ipairs(t:get_recipients('smtp') or {}) do
    rcpt[#rcpt + 1] = r.addr
  end
  local function h(n) return tostring(t:get_request_header(n) or '') end
  local first
  t:headers_foreach(function(n) first = first or n end, {full = false})
  local saw = {from = from and from[1] and from[1].addr or '', rcpt = table.concat(rcpt, ' '),
    ip = tostring(t:get_from_ip()), helo = t:get_helo() or '',
    host = t:get_hostname() or '', user = t:get_user() or '',
    queue = h('Queue-Id'), mta = h('MTA-Name'), tag = h('MTA-Tag'),
    version = h('TLS-Version'), cipher = h('TLS-Cipher'), pass = h('Pass'),
    to = h('Deliver-To'), settings = h('Settings-ID'), log = h('Log-Tag'),
    own = h('X-Own'), size = tostring(t:get_size()),
    received = tostring(#(t:get_received_headers() or {})),
    results = t:get_header_count('Authentication-Results')}
  t:set_milter_reply({add_headers = {['X-Saw'] =
    require('ucl').to_format(saw, 'json-compact')}})
end}
rspamd_config:register_symbol{name='MILTER', type='postfilter', callback=function(t)
  if not field(t, 'X-Milter') then return end
  t:set_milter_reply({
    add_headers = {['X-A'] = 'one', ['X-B'] = {value = 'two', order = 0},
      ['X-C'] = {{value = 'three', order = -1}, {value = 'four', order = 1}}},
    remove_headers = {['X-Last'] = -1, ['X-All'] = 0, ['X-Second'] = 2,
      ['X-None'] = 7}})
end}
rspamd_config:register_symbol{name='SIGN', callback=function(t)
  if field(t, 'X-Sign') then
    rspamd_plugins.dkim.sign(t, {key = KEY, domain = 'b.test', selector = 's'})
  end
end}
'''
CONF = '''
options { pidfile = "%(t)s/pid"; temp_dir = "%(t)s"; tempdir = "%(t)s";
  hs_cache_dir = "%(t)s"; cache_file = "%(t)s/cache"; rrd = "";
  history_file = ""; filters = "dkim"; url_tld = "%(t)s/tld";
  gtube_patterns = "all";
  control_socket = "%(t)s/control"; local_addrs = [];
  dns { nameserver = ["127.0.0.1:%(dns)d"]; timeout = 1s; retransmits = 1;
    sockets = 1; } }
logging { type = "console"; level = "info"; }
worker "normal" { bind_socket = "127.0.0.1:%(port)d";
  bind_socket = "%(t)s/socket mode=0666"; count = 1; task_timeout = 30s;
  max_tasks = 0; }
worker "rspamd_proxy" { milter = yes; bind_socket = "%(t)s/proxy mode=0666";
  count = 1; timeout = 30s;
  upstream "local" { self_scan = yes; default = yes; } }
actions { reject = 15; "rewrite subject" = 8; "add header" = 6; greylist = 4;
  subject = "[SPAM] %%s"; }
dkim { }
lua = "%(t)s/rules.lua"
'''


class Rspamd:
    def __init__(self, name='rspamd'):
        self.dir = f'{T}/{name}'
        os.makedirs(self.dir)
        (self.port,) = instance.free_ports(1)
        self.url, self.name = f'http://127.0.0.1:{self.port}', name
        self.socket = f'{self.dir}/socket'
        key = subprocess.run(['openssl', 'genrsa', '2048'], check=True,
                             capture_output=True, text=True).stdout
        for file, text in (('rules.lua', f'local KEY = [[{key}]]{RULES}'), ('tld', 'com\nnet\ntest\n'),
                           ('conf', CONF % {'t': self.dir, 'port': self.port,
                                            'dns': content.dns.port})):
            with open(f'{self.dir}/{file}', 'w') as f:
                f.write(text)
        self.start()

    def start(self):
        argv = ['rspamd', '-f', '-c', f'{self.dir}/conf']
        if os.geteuid() == 0:
            argv += ['-i', '-u', 'root', '-g', 'root']
        # A session of its own: its workers and helpers are ended with it.
        self.p = content.daemon(*argv, log=self.name, start_new_session=True)
        atexit.register(self.kill)
        assert until(self.answers, 120) or content.show(self.name), 'no rspamd'

    def kill(self):
        try:
            os.killpg(self.p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.p.wait()

    def answers(self):
        try:
            with urllib.request.urlopen(self.url + '/ping', timeout=5) as r:
                return b'pong' in r.read()
        except OSError:
            return False
