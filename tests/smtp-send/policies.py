"""Compiles policies(5) as the Makefile does."""
import subprocess


def build(path, text):
    with open(path, 'w') as f:
        f.write(text)
    made = subprocess.run(['table-build', 'policies', path], check=True,
                          stdout=subprocess.PIPE).stdout
    subprocess.run(['cdb', '-c', path + '.cdb'], input=made, check=True)
    return path + '.cdb'
