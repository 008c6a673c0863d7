#!/bin/sh
# Run once by the image of PostgreSQL on an empty volume: a role and a database for each of the three stores, so
# that no process can read another's.
set -eu

make_database() {
    psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --set name="$1" --set password="$2" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name" ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
}

make_database zhixin_record "$RECORD_PASSWORD"
make_database zhixin_tracker "$TRACKER_PASSWORD"
make_database zhixin_shop "$SHOP_PASSWORD"
