-- SPDX-License-Identifier: Apache-2.0
-- A gate as a site would write it with mod_lua: what the database said of an org is kept by each thread for a while.
require "apache2"

local SECONDS = 10
local known = {}

-- Whether there is a row is all that mod_lua tells of PostgreSQL's answers: apr_dbd_pgsql counts the columns of a result
-- with its first row, and mod_lua asks for their number before.
local function ask(r, org)
    local database = r:dbacquire("mod_dbd")
    local statement = database and database:prepared(r, "org_paid")
    local result = statement and statement:select(org)
    local rows = result and result(0)
    if database then
        database:close()
    end
    return rows and #rows > 0
end

function paid(r)
    local org = r.user
    if not org then
        return apache2.AUTHZ_DENIED_NO_USER
    end
    local now = os.time()
    local entry = known[org]
    if not entry or entry.ends <= now then
        entry = { paid = ask(r, org), ends = now + SECONDS }
        known[org] = entry
    end
    return entry.paid and apache2.AUTHZ_GRANTED or apache2.AUTHZ_DENIED
end
