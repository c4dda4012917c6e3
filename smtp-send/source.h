/* Our own addresses and names, by the sender's domain. */
#ifndef SOURCE_H
#define SOURCE_H

#define SOURCE_MOST 100

typedef struct source_rule {
  char const *domain; /* 0: of all others */
  char const *value;
} source_rule;

typedef struct source_rules {
  unsigned n;
  source_rule v[SOURCE_MOST + 1]; /* and a default */
} source_rules;

/* What connections are made from, and by what name */
typedef struct source {
  char const *ip[2]; /* IPv4, IPv6; 0: whatever the system chooses */
  char const *helo;
} source;

/* "value" or "domain=value" of an option, which is kept and changed. 1; 0: too
   many, or no value. */
int source_rule_add(source_rules *r, char *arg);

/* As source_rule_add, but the value must be an address. */
int source_address_add(source_rules r[2], char *arg);

/* For a reverse-path. */
source source_choose(source_rules const ip[2], source_rules const *helo,
                     char const *reverse_path);

int source_same(source const *a, source const *b);

#endif
