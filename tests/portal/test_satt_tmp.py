from __future__ import annotations
import base64
import pytest
from django.test import Client
from tests.support.cast import Cast, ask, be_seen
from tests.support.estate import machine
from tests.portal.test_every_address import NAMES, address, patterns

PARAMS = ["q","state","cursor","person","machine","policy","with","from","target","request","kind","port","way","minutes","custom_minutes","start","when","again","next","event","actor","reference","outcome","since","until","vendor_mail","remove","tab","host","page_size","month","day","sort","level","zone","environment","owner","os","subscription","group","region","show","all","ahead","others","order","user","language","name","id","open","gone","kinds"]
def cur(s): return base64.b64encode(s.encode()).decode()
CURSORS=[cur("p=\x00"),cur("p=%00"),cur("p=9999999999999999999999999"),cur("p=x"),cur("r=1&p=-99999999999999999999"),cur("o=99999999999999999999&p=1"),cur("p=9999-12-31T23:59:59Z"),cur("p=0001-01-01T00:00:00+14:00"),"%%%","é",cur("p=NaN"),cur("p=1e400")]
VALUES=["\x00","a\x00b","9"*40,"9"*19,"9"*4400,"-1","²","١","9999-12-31","0001-01-01","9999-12-31T23:59","0001-01-01T00:00","%00","\ud7ff\uffff","machine|\x00","group|\x00/\x00","host|x\x00","window:99999999999999999999","window:","link","link:²","BA-000001","BA-"+"9"*30,"'","a"*5000,"{}","[",";","x@y\x00.z","1\x00","_#"+"9"*17,"a#9223372036854775808","demo/\x00"]

@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_fuzz(name, cast):
    be_seen()
    ask(machine(), by=cast.alice)
    bad=set()
    for who in (cast.alice, cast.bob, cast.dana):
        c=Client(raise_request_exception=False); c.force_login(who)
        import django.db.transaction as tr
        def go(method, data, label):
            from django.db import transaction
            sid=transaction.savepoint()
            try:
                r=getattr(c,method)(address(name), data)
                if r.status_code>=500:
                    exc=getattr(r,"exc_info",None)
                    bad.add((method,label,repr(exc[1])[:150] if exc else r.status_code))
            finally:
                try: transaction.savepoint_rollback(sid)
                except Exception as e: bad.add(("rb",label,repr(e)[:80]))
        for v in VALUES:
            go("get",{p:v for p in PARAMS if p!="cursor"},("all",v[:20]))
            go("post",{p:v for p in [*PARAMS,"reason","comment","note","source","text","terms_digest","digest","revision","key","submission_key","deputy","starts","ends","verdict","families","address","digest_hour","wanted","based_on","machine_id","check","host_id","port_0","understood","ticket","vendor_name","theme"]},("all",v[:20]))
        for v in ("\x00","9"*30,"9"*4400,"9999-12-31","0001-01-01"):
            for p in PARAMS: go("get",{p:v},(p,v[:20]))
        for v in CURSORS: go("get",{"cursor":v},("cursor",v))
    assert not bad, "\n"+"\n".join(map(str,sorted(bad,key=str)))
