-- question: What do open days and fairs do for recruiting?
-- chart: bar x=source y=recruits,contacts
-- note: A student was recruited by the last event before the join date at which the private e-mail was left.
-- note: conversion is recruits per 100 contacts, cost_per_recruit in euros; contacts_elsewhere chose a competing
-- note: school. Row "no event" holds the students without such an event, to compare averages and drop-out rates.
SELECT source, events, contacts, recruits,
       ROUND(100 * recruits / contacts, 1) AS conversion,
       ROUND(100 * recruits / total, 1) AS share_of_students,
       ROUND(recruits / events, 2) AS recruits_per_event,
       cost, ROUND(cost / recruits, 0) AS cost_per_recruit,
       ROUND(100 * contacts_elsewhere / contacts, 1) AS elsewhere_rate,
       average_grade, ROUND(100 * drop_outs / recruits, 1) AS drop_out_rate
FROM data_dev_5data.mart_events
CROSS JOIN (SELECT SUM(recruits) AS total FROM data_dev_5data.mart_events) t
ORDER BY CASE source WHEN 'no event' THEN 1 ELSE 0 END, recruits DESC NULLS LAST, source
