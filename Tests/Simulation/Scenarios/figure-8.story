0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node4 starts, boot 1
      node3 starts, boot 1
      node5 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 7
2.000 client0 at node1
2.100 client0 write r0 before
      committed to 8
      client0 writes r0: done
3.000 drop append node1->node3
3.000 drop append node1->node4
3.000 drop append node1->node5
3.000 client0 write r0 A
3.100 crash node1
      node1 is down
3.100 heal
3.100 partition node2 | rest
3.100 candidates node5
3.100 drop append node5->any
      client0 writes r0: unknown
      node5 campaigns in term 3
      node5 leads in term 3
5.000 crash node5
      node5 is down
5.000 heal
5.000 candidates node1
5.000 drop append node1->node3 skip 2
5.000 drop heartbeatResponse node3->node1
5.000 drop append node1->node4
5.000 restart node1
      node1 starts, boot 2
      node1 campaigns in term 4
      node1 leads in term 4
9.000 crash node1
      node1 is down
9.000 heal
9.000 partition node2 | rest
9.000 candidates node5
9.000 restart node5
      node5 starts, boot 2
       node5 campaigns in term 5
       node5 leads in term 5
       committed to 11
13.000 heal
13.000 restart node1
       node1 starts, boot 3
       committed to 12
15.000 client1 at node3
15.000 client1 read r0
       client1 reads r0: before
       the faults stop for node1 node2 node3 node4 node5
       committed to 16
       held
